import Encoder
import FoundationEssentials
import Media

/// The pictures, sounds, videos or documents of a folder and their texts.
struct FolderIndex: Sendable {
    struct Item: Sendable, Equatable {
        /// Relative to the folder.
        var path: String
        /// Classes or captions, at least one.
        var texts: [String]
        var place: DataPlace
    }

    /// By path where sub-folders are classes, else in the order of the captions file.
    private(set) var items: [Item] = []
    /// Lines of the captions file that could not be read.
    private(set) var bad: [BadSample] = []
    /// Files in class folders that are no media, by their names.
    private(set) var ignoredCount = 0
    /// Folders that were passed over.
    private(set) var notes: [String] = []

    init(_ source: DataSource) throws(DataError) {
        let names = try Self.list(source.path)
        if let captions = source.captions {
            try readCaptions("\(source.path)/\(captions)", source)
        } else if let captions = DataSource.captionNames.first(where: names.contains) {
            try readCaptions("\(source.path)/\(captions)", source)
        } else {
            try readClasses(names, source)
        }
    }

    // MARK: - Classes

    private mutating func readClasses(_ names: [String], _ source: DataSource) throws(DataError) {
        let classes = names.filter { Self.isFolder("\(source.path)/\($0)") }
        guard !classes.isEmpty else {
            throw .format(
                place: DataPlace(path: source.path),
                reason: "has neither sub-folders, one a class, nor a captions file "
                    + "(\(DataSource.captionNames.joined(separator: ", ")))")
        }
        for name in classes {
            let text = String(name.map { $0 == "_" ? " " : $0 })
            var seen = SeenFolders(root: source.path)
            for path in try mediaFiles(name, in: source.path, &seen) {
                items.append(Item(path: path, texts: [text], place: DataPlace(path: "\(source.path)/\(path)")))
            }
        }
    }

    private mutating func mediaFiles(
        _ folder: String, in root: String, _ seen: inout SeenFolders
    ) throws(DataError) -> [String] {
        guard seen.isNew("\(root)/\(folder)") else {
            notes.append("\(root)/\(folder): is a folder that was counted already, by way of a link: passed over")
            return []
        }
        var files: [String] = []
        for name in try Self.list("\(root)/\(folder)") {
            let path = "\(folder)/\(name)"
            if Self.isFolder("\(root)/\(path)") {
                files += try mediaFiles(path, in: root, &seen)
                continue
            }
            switch MediaType(fileName: name) {
            case .image, .audio, .video, .document: files.append(path)
            case nil: ignoredCount += 1
            }
        }
        return files
    }

    /// Names in a folder in the order of their bytes, without hidden ones.
    private static func list(_ path: String) throws(DataError) -> [String] {
        guard FileManager.default.fileExists(atPath: path) else { throw .notFound(path: path) }
        guard isFolder(path) else { throw .unreadable(path: path, reason: "is not a folder") }
        do {
            return try FileManager.default.contentsOfDirectory(atPath: path).filter { !$0.hasPrefix(".") }
                .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        } catch {
            throw .unreadable(path: path, reason: "cannot be listed")
        }
    }

    private static func isFolder(_ path: String) -> Bool {
        var isFolder = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder
    }

    // MARK: - Captions file

    private mutating func readCaptions(_ path: String, _ source: DataSource) throws(DataError) {
        var places: [String: Int] = [:]
        func add(_ line: (file: String, captions: [String]), _ place: DataPlace, to items: inout [Item]) {
            if let index = places[line.file] {
                items[index].texts += line.captions
            } else {
                places[line.file] = items.count
                items.append(Item(path: line.file, texts: line.captions, place: place))
            }
        }
        let suffix = path.split(separator: ".").last.map { $0.lowercased() } ?? ""
        var records = try TextRecords(path: path, quoted: suffix == "csv")
        var isCommas = suffix == "csv"
        if suffix == "txt", let first = records.records.first, !records.bytes(first).contains(9) {
            records = try TextRecords(path: path, quoted: true)
            isCommas = true
        }
        var columns: CaptionColumns?
        for (index, record) in records.records.enumerated() {
            let place = DataPlace(path: path, line: record.line)
            do throws(Unreadable) {
                if suffix == "jsonl" {
                    let line = try CaptionLine(json: records.bytes(record))
                    add(try Self.checked(line.file, line.captions), place, to: &items)
                    continue
                }
                let bytes = records.bytes(record)
                let fields =
                    isCommas ? try FieldSplitter.quoted(bytes, records.separator) : try FieldSplitter.tabs(bytes)
                if index == 0 {
                    columns = CaptionColumns(header: fields)
                    if columns != nil { continue }
                }
                add(try (columns ?? CaptionColumns()).read(fields), place, to: &items)
            } catch { bad.append(BadSample(place: place, reason: error.reason)) }
        }
    }

    fileprivate static func checked(
        _ file: String, _ captions: [String]
    ) throws(Unreadable) -> (file: String, captions: [String]) {
        let captions = captions.filter { !$0.isEmpty }
        guard !file.isEmpty else { throw Unreadable("names no file") }
        guard !captions.isEmpty else { throw Unreadable("has no caption") }
        // Flickr30k's files number the captions of a picture behind its name.
        let parts = file.split(separator: "#", omittingEmptySubsequences: false)
        let isNumbered = parts.count == 2 && !parts[1].isEmpty && parts[1].allSatisfy(\.isNumber)
        return (isNumbered ? String(parts[0]) : file, captions)
    }
}

/// Which columns of a captions file hold what.
private struct CaptionColumns {
    var file = 0
    /// nil for all others.
    var captions: [Int]?

    init() {}

    /// nil where the first line is no header: no column is named like one that holds files.
    init?(header: [String]) {
        let names = header.map { $0.lowercased() }
        guard let file = names.firstIndex(where: CaptionLine.fileKeys.contains) else { return nil }
        self.file = file
        let captions = names.indices.filter { CaptionLine.captionKeys.contains(names[$0]) }
        self.captions = captions.isEmpty ? nil : captions
    }

    func read(_ fields: [String]) throws(Unreadable) -> (file: String, captions: [String]) {
        let captions = captions ?? fields.indices.filter { $0 != file }
        let needed = max(file, captions.max() ?? 1) + 1
        guard fields.count >= needed, fields.count > 1 else {
            throw Unreadable("has \(fields.count) of \(max(needed, 2)) columns")
        }
        return try FolderIndex.checked(fields[file], captions.map { fields[$0] })
    }
}

extension MediaType {
    /// What the name's extension says.
    init?(fileName: String) {
        guard let dot = fileName.lastIndex(of: "."), dot != fileName.startIndex else { return nil }
        self.init(fileExtension: String(fileName[dot...]))
    }
}
