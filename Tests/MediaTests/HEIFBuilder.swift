import Testing

/// HEIC and AVIF files of items that are made of others. The coded picture in them is that of a fixture.
struct HEIFBuilder {
    struct Item {
        /// `hvc1` and the like, `grid`, `iden`.
        let type: String
        /// What a derived item says of itself; nil for the coded picture.
        let content: [UInt8]?
        let size: (width: UInt32, height: UInt32)
    }

    /// One is made of others (`dimg`), or belongs to them (`auxl`).
    struct Reference {
        let kind: String
        let from: UInt16
        let to: [UInt16]
    }

    /// Of the coded picture.
    let size: (width: UInt32, height: UInt32)
    private let brand: String
    private let codedType: String
    private let codec: [UInt8]
    private let data: [UInt8]

    /// - Parameter fixture: of one item
    init(_ fixture: String) throws {
        let bytes = try Fixture.bytes(fixture)
        let isHEIC = fixture.hasSuffix("heic")
        (brand, codedType) = isHEIC ? ("heic", "hvc1") : ("avif", "av01")
        let name = isHEIC ? "hvcC" : "av1C"
        codec = Builder.box(name, try Self.content(name, in: bytes))
        let sides = try Self.content("ispe", in: bytes)
        func side(_ at: Int) -> UInt32 { sides[at..<at + 4].reduce(0) { $0 << 8 | UInt32($1) } }
        size = (side(4), side(8))
        data = Boxes.contents(["mdat"], in: bytes)
    }

    private static func content(_ name: String, in bytes: [UInt8]) throws -> [UInt8] {
        let place = try #require(bytes.indices.dropLast(4).first { bytes[$0..<$0 + 4].elementsEqual(name.utf8) })
        let length = bytes[place - 4..<place].reduce(0) { $0 << 8 | Int($1) }
        return Array(bytes[place + 4..<place - 4 + length])
    }

    var coded: Item { Item(type: codedType, content: nil, size: size) }

    func derived(_ type: String, content: [UInt8] = []) -> Item { Item(type: type, content: content, size: size) }

    func grid(rows: UInt32, columns: UInt32) -> Item {
        let (width, height) = (columns * size.width, rows * size.height)
        let content =
            [0, 0, UInt8(rows - 1), UInt8(columns - 1)] + bigEndian(UInt16(width)) + bigEndian(UInt16(height))
        return Item(type: "grid", content: content, size: (width, height))
    }

    /// Items count from 1.
    func file(_ items: [Item], _ references: [Reference], primary: UInt16) -> [UInt8] {
        let start = Builder.box("ftyp", Array("\(brand)\0\0\0\0mif1\(brand)".utf8))
        let length = start.count + meta(items, references, primary, data: 0).count + 8
        return start + meta(items, references, primary, data: UInt32(length)) + Builder.box("mdat", data)
    }

    private func full(_ name: String, version: UInt8 = 0, _ content: [UInt8]) -> [UInt8] {
        Builder.box(name, [version, 0, 0, 0] + content)
    }

    private func meta(
        _ items: [Item], _ references: [Reference], _ primary: UInt16, data place: UInt32
    ) -> [UInt8] {
        let numbered = items.enumerated().map { (id: UInt16($0.offset + 1), item: $0.element) }
        let entries = numbered.flatMap {
            full("infe", version: 2, bigEndian($0.id) + [0, 0] + Array("\($0.item.type)\0".utf8))
        }
        var (places, kept, sizes, owners) = ([UInt8](), [UInt8](), [UInt8](), [UInt8]())
        for (id, item) in numbered {
            let (method, at, length) =
                item.content.map { (UInt16(1), UInt32(kept.count), UInt32($0.count)) } ?? (0, place, UInt32(data.count))
            places += bigEndian(id) + bigEndian(method) + [0, 0, 0, 1] + bigEndian(at) + bigEndian(length)
            kept += item.content ?? []
            sizes += full("ispe", bigEndian(item.size.width) + bigEndian(item.size.height))
            // The codec's settings are the first property, which must be understood.
            owners += bigEndian(id) + (item.content == nil ? [2, 0x81] : [1]) + [UInt8(id + 1)]
        }
        let lists = references.flatMap { list in
            Builder.box(
                list.kind, bigEndian(list.from) + bigEndian(UInt16(list.to.count)) + list.to.flatMap { bigEndian($0) })
        }
        let properties = Builder.box("ipco", codec + sizes) + full("ipma", bigEndian(UInt32(items.count)) + owners)
        let count = bigEndian(UInt16(items.count))
        return full(
            "meta",
            full("hdlr", [0, 0, 0, 0] + Array("pict".utf8) + [UInt8](repeating: 0, count: 13))
                + full("pitm", bigEndian(primary)) + full("iloc", version: 1, [0x44, 0] + count + places)
                + full("iinf", count + entries) + full("iref", lists) + Builder.box("iprp", properties)
                + Builder.box("idat", kept))
    }
}
