package import Castor

extension JSONWriter {
    /// What is known of an item, without its braces.
    package mutating func fields(of hit: SearchHit) {
        raw("\"id\":\(hit.item),\"type\":\"\(hit.medium.name)\",\"path\":")
        string(String(decoding: hit.path.bytes, as: UTF8.self))
        if hit.path.text == nil { raw(",\"pathBytes\":\"\(hit.path.bytes.hexadecimal)\"") }
        switch hit.place {
        case .whole: break
        case .lines(let lines): raw(",\"lines\":[\(lines.lowerBound),\(lines.upperBound)]")
        case .page(let page): raw(",\"page\":\(page)")
        case .seconds(let seconds): raw(",\"seconds\":[\(seconds.lowerBound),\(seconds.upperBound)]")
        }
        if !hit.snippet.isEmpty {
            raw(",\"snippet\":")
            string(hit.snippet)
        }
        raw(",\"modified\":\(hit.modified / 1_000_000_000),\"bytes\":\(hit.size)")
    }

    /// Where it is not any more what was indexed.
    package mutating func fileNow(of hit: SearchHit) {
        let now = hit.fileNow
        if now != .same { raw(",\"fileNow\":\"\(now.rawValue)\"") }
    }
}
