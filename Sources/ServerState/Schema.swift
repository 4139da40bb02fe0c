import GRDB

/// The tables. A blob belongs to whatever row names it; a blob that no row names is removed.
enum Schema {
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1") { db in
            try db.execute(
                sql: """
                    -- Every file on disk, with the bytes that count against the quota.
                    CREATE TABLE blob (
                        name TEXT PRIMARY KEY, reservedBytes INTEGER NOT NULL
                    ) WITHOUT ROWID;

                    CREATE TABLE file (
                        sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, displayName TEXT,
                        mimeType TEXT NOT NULL, sizeBytes INTEGER NOT NULL, sha256 BLOB NOT NULL,
                        state TEXT NOT NULL, source TEXT NOT NULL, failure TEXT, videoMicroseconds INTEGER,
                        createTime INTEGER NOT NULL, updateTime INTEGER NOT NULL, expirationTime INTEGER NOT NULL,
                        blob TEXT NOT NULL REFERENCES blob(name)
                    );
                    CREATE INDEX fileBlob ON file(blob);

                    CREATE TABLE upload (
                        id TEXT PRIMARY KEY, fileID TEXT NOT NULL, displayName TEXT, mimeType TEXT NOT NULL,
                        declaredBytes INTEGER, receivedBytes INTEGER NOT NULL, isFinal INTEGER NOT NULL,
                        expirationTime INTEGER NOT NULL, blob TEXT REFERENCES blob(name)
                    ) WITHOUT ROWID;
                    CREATE INDEX uploadBlob ON upload(blob);

                    -- Of a job that is done or under way, the first inputBytes of the input were computed, as requests
                    -- 0..<finishedCount, and their results are the first resultsBytes of the results.
                    CREATE TABLE batch (
                        sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, model TEXT NOT NULL,
                        displayName TEXT, priority INTEGER NOT NULL, state TEXT NOT NULL, failureCode INTEGER, failure TEXT,
                        createTime INTEGER NOT NULL, updateTime INTEGER NOT NULL, endTime INTEGER,
                        expirationTime INTEGER NOT NULL, servedTime INTEGER NOT NULL,
                        inputFile TEXT, resultsFile TEXT,
                        inputBlob TEXT REFERENCES blob(name), resultsBlob TEXT REFERENCES blob(name),
                        inputBytes INTEGER NOT NULL, resultsBytes INTEGER NOT NULL,
                        requestCount INTEGER NOT NULL, successfulCount INTEGER NOT NULL, failedCount INTEGER NOT NULL
                    );
                    CREATE INDEX batchInput ON batch(inputBlob);
                    CREATE INDEX batchResults ON batch(resultsBlob);
                    CREATE INDEX batchState ON batch(state);
                    """)
        }
        migrator.registerMigration("2") { db in
            try db.execute(
                sql: """
                    -- Processes that began the chunk at inputBytes and did not come to its end. Lines up to aloneBytes are a chunk each.
                    ALTER TABLE batch ADD COLUMN starts INTEGER NOT NULL DEFAULT 0;
                    ALTER TABLE batch ADD COLUMN aloneBytes INTEGER NOT NULL DEFAULT 0;
                    """)
        }
        migrator.registerMigration("3") { db in
            try db.execute(
                sql: """
                    -- Names are bounded since; their bytes count, and are summed from these alone.
                    UPDATE file SET displayName = SUBSTR(displayName, 1, 512) WHERE LENGTH(displayName) > 512;
                    UPDATE upload SET displayName = SUBSTR(displayName, 1, 512) WHERE LENGTH(displayName) > 512;
                    UPDATE batch SET displayName = SUBSTR(displayName, 1, 512) WHERE LENGTH(displayName) > 512;
                    CREATE INDEX fileName ON file(displayName) WHERE displayName IS NOT NULL;
                    CREATE INDEX uploadName ON upload(displayName) WHERE displayName IS NOT NULL;
                    CREATE INDEX batchName ON batch(displayName) WHERE displayName IS NOT NULL;
                    """)
        }
        return migrator
    }
}
