"""Writes the PDF files that mutations start from, each with one corner of the format on a small page, and the only font that the
fuzzer's Poppler finds: one of the system's, read anew for each document, costs more than all the rest of it.

    python3 Fuzzing/Corpus/document/generate.py

Python's own library is enough. The same files on every run.
"""

import hashlib
import pathlib
import struct
import zlib

FOLDER = pathlib.Path(__file__).parent
FONT = FOLDER / "../../PDFServer/fonts/squares.ttf"
JPEG = FOLDER / "../../../Tests/MediaTests/Fixtures/gray.jpg"  # 24 x 20


def stream(data, entries=""):
    data = data.encode("latin-1") if isinstance(data, str) else data
    return b"<<%s/Length %d>>stream\n%s\nendstream" % (entries.encode(), len(data), data)


def write(name, objects, trailer=""):
    """Objects by number from 1, of which the first is the catalog, with a table of where they are."""
    out = bytearray(b"%PDF-1.7\n")
    places = []
    for number, body in enumerate(objects, 1):
        body = body.encode("latin-1") if isinstance(body, str) else body
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer<</Size %d/Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1, trailer.encode("latin-1"), table)
    (FOLDER / name).write_bytes(out)


def page(contents, resources="", more=""):
    """The first four objects of a file with one page; the last of them is its contents."""
    return [
        f"<</Type/Catalog/Pages 2 0 R{more}>>",
        "<</Type/Pages/Count 1/Kids[3 0 R]>>",
        f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 96 64]/Contents 4 0 R/Resources<<{resources}>>>>",
        contents,
    ]


def font():
    """The least of TrueType: a square for each character of ASCII, higher for higher codes."""
    codes = range(32, 127)
    count = len(codes) + 1
    glyphs, places = b"", [0]
    for code in [96, *codes]:
        side = 4 * code
        glyph = struct.pack(">5h", 1, 50, 0, 50 + side, side)  # contours, box
        glyph += struct.pack(">2H", 3, 0) + b"\1" * 4  # last point, no instructions, all on the curve
        glyph += struct.pack(">8h", 50, 0, side, 0, 0, side, 0, -side)
        glyphs += glyph.ljust(-(-len(glyph) // 4) * 4, b"\0") if code != 32 else b""
        places.append(len(glyphs) // 2)
    cmap = struct.pack(">7H", 4, 32, 0, 4, 4, 1, 0) + b"".join(
        struct.pack(">2H", *column) + padding for column, padding in (
            ((126, 0xFFFF), b"\0\0"), ((32, 0xFFFF), b""), ((1 - 32 & 0xFFFF, 1), b""), ((0, 0), b"")))
    names = b"".join(bytes([3]) + b"c%02X" % code for code in codes)
    family = "Squares".encode("utf-16-be")
    tables = {
        b"cmap": struct.pack(">4HL", 0, 1, 3, 1, 12) + cmap,
        b"glyf": glyphs,
        b"head": struct.pack(">4L2H2Q4h2H3h", 0x10000, 0x10000, 0, 0x5F0F3CF5, 3, 1000, 0, 0, 50, 0, 554, 504, 0, 8, 2, 0, 0),
        b"hhea": struct.pack(">L3hH11hH", 0x10000, 800, -200, 0, 600, 0, 0, 554, 1, *[0] * 7, count),
        b"hmtx": struct.pack(">Hh", 600, 50) * count,
        b"loca": struct.pack(f">{count + 1}H", *places),
        b"maxp": struct.pack(">L14H", 0x10000, count, 4, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0),
        b"name": struct.pack(">3H", 0, 2, 30) + b"".join(
            struct.pack(">6H", 3, 1, 0x409, kind, len(family), 0) for kind in (1, 4)) + family,
        b"post": struct.pack(">L l2h5L H", 0x20000, 0, -100, 50, 1, 0, 0, 0, 0, count)
        + struct.pack(f">{count}H", 0, *range(258, 258 + len(codes))) + names,
    }
    out = struct.pack(">L4H", 0x10000, len(tables), 128, 3, 16 * len(tables) - 128)
    place, body = 12 + 16 * len(tables), b""
    for tag, data in tables.items():
        padded = data.ljust(-(-len(data) // 4) * 4, b"\0")
        check = sum(struct.unpack(f">{len(padded) // 4}L", padded)) & 0xFFFFFFFF
        out += struct.pack(">4s3L", tag, check, place + len(body), len(data))
        body += padded
    FONT.parent.mkdir(exist_ok=True)
    FONT.write_bytes(out + body)


def embedded_font():
    write("embedded-font.pdf", page(
        stream("BT/F 20 Tf 4 30 Td(Castor)Tj/G 12 Tf 0 -20 Td<002300240025>Tj ET"), "/Font<</F 5 0 R/G 6 0 R>>") + [
        "<</Type/Font/Subtype/TrueType/BaseFont/ABCDEF+Squares/FontDescriptor 8 0 R/Encoding/WinAnsiEncoding>>",
        "<</Type/Font/Subtype/Type0/BaseFont/ABCDEF+Squares/Encoding/Identity-H/DescendantFonts[7 0 R]>>",
        "<</Type/Font/Subtype/CIDFontType2/BaseFont/ABCDEF+Squares/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>"
        "/DW 600/FontDescriptor 8 0 R/CIDToGIDMap/Identity>>",
        "<</Type/FontDescriptor/FontName/ABCDEF+Squares/Flags 32/FontBBox[0 0 600 600]/ItalicAngle 0/Ascent 800/Descent -200"
        "/CapHeight 700/StemV 80/MissingWidth 600/FontFile2 9 0 R>>",
        stream(FONT.read_bytes(), f"/Length1 {FONT.stat().st_size}"),
    ])


def text():
    cmap = ("/CIDInit/ProcSet findresource begin begincmap 1 begincodespacerange<00><FF>endcodespacerange\n"
            "1 beginbfrange<41><43><0391>endbfrange 1 beginbfchar<44><D83DDE00>endbfchar endcmap")
    write("text.pdf", page(
        stream("BT/F 9 Tf 1 0 0 1 4 50 Tm(A rainy )Tj[(h)-20(arb)40(our)]TJ 11 TL T*(ABCD)' 2 Tr 80 Tz 3 Ts 1 Tc 2 Tw 0 -12 Td\n"
               "(\\344\\(x\\))Tj/G 8 Tf 0.9 0.2 -0.2 0.9 4 6 Tm<002400250026>Tj ET"),
        "/Font<</F 5 0 R/G 6 0 R>>") + [
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/FirstChar 65/LastChar 68/Widths[700 650 640 800]/ToUnicode 8 0 R"
        "/Encoding<</BaseEncoding/MacRomanEncoding/Differences[68/Euro/u1F600]>>>>",
        "<</Type/Font/Subtype/Type0/BaseFont/Sans/Encoding/Identity-H/DescendantFonts[7 0 R]>>",
        "<</Type/Font/Subtype/CIDFontType2/BaseFont/Sans/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>"
        "/DW 600/W[36[500 550]38 40 620]/FontDescriptor<</Type/FontDescriptor/FontName/Sans/Flags 4/FontBBox[0 -200 1000 800]"
        "/ItalicAngle 0/Ascent 800/Descent -200/CapHeight 700/StemV 80>>>>",
        stream(cmap),
    ])


def drawn_font():
    write("drawn-font.pdf", page(
        stream("BT/F 16 Tf 6 20 Td(ab)Tj 4 Tr(ba)Tj ET 0 1 0 rg 0 0 96 64 re f"), "/Font<</F 5 0 R>>") + [
        "<</Type/Font/Subtype/Type3/FontBBox[0 0 10 10]/FontMatrix[.1 0 0 .1 0 0]/FirstChar 97/LastChar 98/Widths[10 12]"
        "/CharProcs<</s 6 0 R/t 7 0 R>>/Encoding<</Type/Encoding/Differences[97/s/t]>>/Resources<<>>>>",
        stream("10 0 0 0 9 9 d1 0 0 9 9 re f"),
        stream("12 0 d0 1 0 0 RG 2 w 0 0 m 5 9 l 9 0 l s"),
    ])


def ascii85(data):
    out = b""
    for start in range(0, len(data), 4):
        group = data[start:start + 4]
        value = int.from_bytes(group.ljust(4, b"\0"), "big")
        digits = bytes(33 + value // 85**power % 85 for power in (4, 3, 2, 1, 0))
        out += digits[:len(group) + 1]
    return out + b"~>"


def lzw(data):
    """Nine bits a code throughout: the table is cleared before it grows."""
    codes = []
    for start in range(0, len(data), 200):
        codes += [256, *data[start:start + 200]]
    bits = "".join(f"{code:09b}" for code in codes + [257])
    return int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")


def filters():
    """Two pages, and every filter for text."""
    one = b"1 0 0 rg 4 4 30 20 re f 0 0 1 RG 3 w 40 8 m 60 30 70 50 90 60 c S"
    two = b"0 .6 0 rg 10 40 12 12 re f* q 1 0 .3 1 0 0 cm 40 40 20 10 re B Q [3 2] 1 d 1 J 1 j 5 60 m 90 60 l S"
    objects = page("[5 0 R 6 0 R 7 0 R 8 0 R]")
    objects[1] = "<</Type/Pages/Count 2/MediaBox[0 0 96 64]/Resources<<>>/Kids[3 0 R 9 0 R]>>"
    objects[2] = "<</Type/Page/Parent 2 0 R/Contents 4 0 R>>"
    runs = bytes([len(two) - 1]) + two + b"\x80"
    write("filters.pdf", objects + [
        stream(ascii85(zlib.compress(one)), "/Filter[/ASCII85Decode/FlateDecode]"),
        stream(lzw(two), "/Filter/LZWDecode"),
        stream(runs, "/Filter/RunLengthDecode"),
        stream(one.hex() + ">", "/Filter/ASCIIHexDecode"),
        "<</Type/Page/Parent 2 0 R/Contents[7 0 R 8 0 R]/MediaBox[0 0 40 64]/UserUnit 2>>",
    ])


def images():
    rows = b"".join(b"\2" + bytes(3 * [16 * y]) * 8 for y in range(8))
    image = "/Type/XObject/Subtype/Image/Width {}/Height {}/BitsPerComponent {}/ColorSpace{}"
    write("images.pdf", page(
        stream("q 30 0 0 30 2 30 cm/A Do Q q 20 0 0 20 34 34 cm/B Do Q q 20 5 -5 20 64 34 cm/C Do Q q 24 0 0 24 4 2 cm/D Do Q\n"
               "q 20 0 0 20 40 4 cm BI/W 4/H 4/BPC 2/CS/G/F/AHx ID 1B2D4E8F> EI Q"),
        "/XObject<</A 5 0 R/B 6 0 R/C 8 0 R/D 9 0 R>>") + [
        stream(JPEG.read_bytes(), image.format(24, 20, 8, "/DeviceGray") + "/Filter/DCTDecode/Interpolate true"),
        stream(zlib.compress(rows), image.format(8, 8, 8, "/DeviceRGB") + "/Filter/FlateDecode/SMask 7 0 R"
               "/DecodeParms<</Predictor 15/Colors 3/Columns 8>>"),
        stream(bytes(range(0, 256, 4)), image.format(8, 8, 8, "/DeviceGray") + "/Decode[1 0]"),
        stream(bytes(range(32)), image.format(8, 8, 4, "[/Indexed/DeviceRGB 3<FF000000FF000000FFFFFF00>]") + "/Mask[2 2]"),
        # Eight white rows, and the end: CCITT group 4.
        stream(b"\xff\x00\x10\x01", image.format(16, 8, 1, "/DeviceGray") + "/ImageMask false/Filter/CCITTFaxDecode"
               "/DecodeParms<</K -1/Columns 16/Rows 8>>"),
    ])


def colours():
    write("colours.pdf", page(
        stream("/P cs/T scn 0 0 48 32 re f q 50 2 44 28 re W n/A sh Q q 2 34 44 28 re W n/R sh Q/S gs/Sep CS .7 SCN 4 w\n"
               "52 36 38 24 re S/X Do /Lab cs 60 40 -20 sc 60 40 8 8 re f 0.1 0.5 0 0.2 k 70 44 9 9 re f"),
        "/Pattern<</T 5 0 R>>/Shading<</A 6 0 R/R 7 0 R>>/ExtGState<</S<</CA .5/ca .6/BM/Multiply/SMask<</S/Luminosity/G 8 0 R>>>>>>"
        "/XObject<</X 8 0 R>>/ColorSpace<</P[/Pattern]/Sep[/Separation/Spot/DeviceRGB 9 0 R]"
        "/Lab[/Lab<</WhitePoint[.95 1 1.09]/Range[-100 100 -100 100]>>]>>") + [
        stream("1 0 0 rg 0 0 3 3 re f", "/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 6 6]/XStep 8/YStep 8/Resources<<>>"),
        "<</ShadingType 2/ColorSpace/DeviceRGB/Coords[50 0 94 30]/Extend[true false]/Function 10 0 R>>",
        "<</ShadingType 3/ColorSpace/DeviceGray/Coords[20 48 2 24 48 20]/Function<</FunctionType 2/Domain[0 1]/N 1.5/C0[0]/C1[1]>>>>",
        stream(".5 g 50 30 40 30 re f", "/Type/XObject/Subtype/Form/BBox[0 0 96 64]/Group<</S/Transparency/CS/DeviceGray/I true>>"),
        stream("{dup 0.5 mul exch 1 exch sub 0.2}", "/FunctionType 4/Domain[0 1]/Range[0 1 0 1 0 1]"),
        "<</FunctionType 3/Domain[0 1]/Bounds[.4]/Encode[0 1 1 0]/Functions[11 0 R 11 0 R]>>",
        stream(b"\x00\x40\xff\xff\x80\x00\x10\x20\x30", "/FunctionType 0/Domain[0 1]/Range[0 1 0 1 0 1]/Size[3]/BitsPerSample 8"),
    ])


def forms():
    objects = page(
        stream("/OC/L BDC 0 0 1 rg 4 4 20 20 re f EMC"), "/Properties<</L 10 0 R>>",
        "/AcroForm<</Fields[5 0 R 6 0 R]/DR<</Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>>>/Outlines<</Count 0>>"
        "/OCProperties<</OCGs[10 0 R]/D<</Order[10 0 R]/OFF[]>>>>/PageMode/UseNone")
    objects[2] = objects[2].replace("/Contents", "/Rotate 90/CropBox[0 0 90 60]/Annots[5 0 R 6 0 R 7 0 R 8 0 R]/Contents")
    write("forms.pdf", objects + [
        "<</Type/Annot/Subtype/Widget/FT/Tx/T(a)/V(words)/Rect[4 40 60 54]/DA(0 g /F 8 Tf)/MK<</BC[1 0 0]/BG[.9 1 .9]>>/F 4>>",
        "<</Type/Annot/Subtype/Widget/FT/Btn/T(b)/V/Yes/AS/Yes/Rect[70 40 80 50]/AP<</N<</Yes 9 0 R>>>>/F 4>>",
        "<</Type/Annot/Subtype/Square/Rect[30 6 50 20]/C[1 0 0]/IC[1 1 0]/BS<</W 2/S/D/D[2 1]>>/F 4>>",
        "<</Type/Annot/Subtype/Highlight/Rect[56 6 86 16]/QuadPoints[56 16 86 16 56 6 86 6]/C[1 1 0]/Contents(\xfe\xff\0n)/F 4>>",
        stream("0 0 10 10 re f", "/Type/XObject/Subtype/Form/BBox[0 0 10 10]/Matrix[1 0 0 1 0 0]"),
        "<</Type/OCG/Name(layer)>>",
    ])


def compact():
    """Objects inside a compressed stream, and a compressed table of where they are."""
    inner = ["<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Count 1/Kids[3 0 R]>>",
             "<</Type/Page/Parent 2 0 R/MediaBox[0 0 96 64]/Contents 4 0 R/Resources<<>>>>"]
    offsets, joined = [], ""
    for number, body in enumerate(inner, 1):
        offsets.append(f"{number} {len(joined)}")
        joined += body + " "
    head = " ".join(offsets) + " "
    out = bytearray(b"%PDF-1.5\n")
    places = {}
    for number, body in ((4, stream(zlib.compress(b".2 .5 .9 rg 8 8 60 40 re f"), "/Filter/FlateDecode")),
                         (5, stream(zlib.compress((head + joined).encode()), f"/Type/ObjStm/N 3/First {len(head)}/Filter/FlateDecode"))):
        places[number] = len(out)
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = len(out)
    rows = [(0, 0, 255), (2, 5, 0), (2, 5, 1), (2, 5, 2), (1, places[4], 0), (1, places[5], 0), (1, table, 0)]
    data = b"".join(bytes([kind]) + place.to_bytes(2, "big") + bytes([more]) for kind, place, more in rows)
    out += b"6 0 obj\n%s\nendobj\nstartxref\n%d\n%%%%EOF\n" % (
        stream(zlib.compress(data), "/Type/XRef/Size 7/W[1 2 1]/Root 1 0 R/Filter/FlateDecode"), table)
    (FOLDER / "compact.pdf").write_bytes(out)


def rc4(key, data):
    state, j, out = list(range(256)), 0, bytearray()
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    i = j = 0
    for byte in data:
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        out.append(byte ^ state[(state[i] + state[j]) % 256])
    return bytes(out)


def encrypted():
    """40-bit RC4 with no password to open it: ISO 32000-1, 7.6.3."""
    padding = bytes.fromhex("28BF4E5E4E758A4164004E56FFFA01082E2E00B6D0683E802F0CA9FE6453697A")
    identity = bytes(range(16))
    owner = rc4(hashlib.md5(padding).digest()[:5], padding)
    key = hashlib.md5(padding + owner + (-4 & 0xFFFFFFFF).to_bytes(4, "little") + identity).digest()[:5]
    contents = rc4(hashlib.md5(key + (4).to_bytes(3, "little") + b"\0\0").digest()[:10], b"1 0 1 rg 8 8 70 40 re f")
    write("encrypted.pdf", page(stream(contents)), trailer=(
        f"/ID[<{identity.hex()}><{identity.hex()}>]/Encrypt<</Filter/Standard/V 1/R 2/Length 40/P -4"
        f"/O<{owner.hex()}>/U<{rc4(key, padding).hex()}>>>"))


for make in (font, text, embedded_font, drawn_font, filters, images, colours, forms, compact, encrypted):
    make()
