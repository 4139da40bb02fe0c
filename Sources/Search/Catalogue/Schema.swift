import GRDB

/// The tables of the catalogue. What they say is so; rows in files count as far as they are named here.
enum Schema {
    static let version = 1

    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1") { db in
            try db.execute(
                sql: """
                    -- One row. rows: of each file of this generation; changes: counts commits, so that readers see that there was one.
                    CREATE TABLE state (
                        version INTEGER NOT NULL, generation INTEGER NOT NULL, rows INTEGER NOT NULL, changes INTEGER NOT NULL,
                        modelName TEXT NOT NULL, modelSHA256 TEXT NOT NULL, modelOptions TEXT NOT NULL, modelStamp TEXT NOT NULL,
                        dimensions INTEGER NOT NULL, shortSize INTEGER NOT NULL, precision TEXT NOT NULL
                    );

                    -- What castor index was asked to index.
                    CREATE TABLE root (path BLOB PRIMARY KEY) WITHOUT ROWID;

                    -- modified: nanoseconds since 1970. stamp: the same, or -1 where the file was so young that a later change might have the
                    -- same time.
                    -- problem: why it has no items, or not all of them.
                    CREATE TABLE source (
                        id INTEGER PRIMARY KEY AUTOINCREMENT, path BLOB NOT NULL UNIQUE, size INTEGER NOT NULL,
                        modified INTEGER NOT NULL, stamp INTEGER NOT NULL, inode INTEGER NOT NULL, sha256 BLOB, kind TEXT NOT NULL,
                        problem TEXT, detail TEXT
                    );
                    CREATE INDEX sourceSHA256 ON source(sha256) WHERE sha256 IS NOT NULL;
                    CREATE INDEX sourceProblem ON source(problem) WHERE problem IS NOT NULL;

                    CREATE TABLE item (
                        id INTEGER PRIMARY KEY AUTOINCREMENT, source INTEGER NOT NULL REFERENCES source(id),
                        row INTEGER NOT NULL UNIQUE, medium INTEGER NOT NULL,
                        placeKind INTEGER NOT NULL, placeFrom REAL NOT NULL, placeTo REAL NOT NULL, snippet TEXT NOT NULL
                    );
                    CREATE INDEX itemSource ON item(source);

                    -- Rows that no item has any more.
                    CREATE TABLE dead (row INTEGER PRIMARY KEY);
                    """)
        }
        migrator.registerMigration("2") { db in
            try db.execute(
                sql: """
                    -- How the index is made, beside what it is made of: name and value.
                    CREATE TABLE setting (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;

                    -- What tells that the file beside it that says what it shows is as it was; NULL where there is none.
                    ALTER TABLE source ADD COLUMN beside BLOB;
                    """)
        }
        return migrator
    }
}
