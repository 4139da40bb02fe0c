/// A PDF whose page takes hours to draw: ten levels of forms, each of which draws the next ten times, 10^10 rectangles.
package enum EndlessDocument {
    package static let bytes: [UInt8] = {
        var objects = [
            "<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Count 1/Kids[3 0 R]>>",
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 100 100]/Contents 4 0 R/Resources<</XObject<</X 5 0 R>>>>>>",
            "<</Length 5>>stream\n/X Do\nendstream",
        ]
        for level in 0..<10 {
            let content = level == 9 ? "0 0 100 100 re f" : String(repeating: "/X Do ", count: 10)
            objects.append(
                "<</Type/XObject/Subtype/Form/BBox[0 0 100 100]/Length \(content.count)"
                    + "/Resources<</XObject<</X \(level + 6) 0 R>>>>>>stream\n\(content)\nendstream")
        }
        var (text, table) = ("%PDF-1.4\n", "0000000000 65535 f \n")
        for (index, object) in objects.enumerated() {
            let place = "\(text.utf8.count)"
            table += String(repeating: "0", count: 10 - place.count) + "\(place) 00000 n \n"
            text += "\(index + 1) 0 obj\n\(object)\nendobj\n"
        }
        let start = text.utf8.count
        text += "xref\n0 \(objects.count + 1)\n\(table)trailer<</Size \(objects.count + 1)/Root 1 0 R>>\n"
        return Array((text + "startxref\n\(start)\n%%EOF\n").utf8)
    }()
}
