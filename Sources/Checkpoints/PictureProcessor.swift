import Encoder

/// What a checkpoint's image processor does with a picture: `preprocessor_config.json`, or its part of `processor_config.json`.
struct PictureProcessor {
    /// What the family's processor does where the file does not say.
    struct Defaults {
        /// Pixels of a side, of a resized picture's shorter side where the middle is cut out.
        var side: Int
        var crops: Bool
        var mean: [Double]
        var deviation: [Double]
    }

    /// CLIP's.
    static let clipMean = [0.48145466, 0.4578275, 0.40821073]
    static let clipDeviation = [0.26862954, 0.26130258, 0.27577711]

    let pixels: PixelSpec
    /// Of the picture that the tower sees.
    let width: Int
    let height: Int
    /// For errors.
    let file: String

    init(_ folder: HubFolder, _ defaults: Defaults) throws(CheckpointError) {
        let name = "preprocessor_config.json"
        var found = try folder.optionalObject("processor_config.json")?.object("image_processor")
        if found == nil { found = try folder.optionalObject(name) }
        guard let hub = found else {
            // As the family's processor is without a file.
            let side = defaults.side
            pixels = PixelSpec(
                sizing: defaults.crops
                    ? .cropped(shortestSide: side, width: side, height: side) : .fixed(width: side, height: side),
                mean: defaults.mean, deviation: defaults.deviation)
            (width, height, file) = (side, side, name)
            return
        }
        file = hub.file
        guard try hub.optionalFlag("do_resize") ?? true else {
            throw hub.failure("do_resize", "false is not supported")
        }
        for key in ["do_pad", "do_split_image"] { try hub.refuse(key) }
        let sizing = try Self.sizing(hub, defaults)
        switch sizing {
        case .fixed(let own, let other), .cropped(_, let own, let other): (width, height) = (own, other)
        case .budget: preconditionFailure("no processor of this kind has a budget")
        }
        let filter: PixelSpec.Filter
        switch try hub.optionalInt("resample") ?? 3 {
        case 2: filter = .bilinear
        case 3: filter = .bicubic
        case let other: throw hub.failure("resample", "\(other) is not supported (2, bilinear, and 3, bicubic, are)")
        }
        let rescales = try hub.optionalFlag("do_rescale") ?? true
        let normalises = try hub.optionalFlag("do_normalize") ?? true
        let kind = try hub.optionalText("image_processor_type") ?? ""
        pixels = PixelSpec(
            sizing: sizing, filter: filter, rounding: kind.hasSuffix("Pil") ? .pillow : .torchvision,
            scale: rescales ? try hub.optionalNumber("rescale_factor") ?? 1 / 255 : 1,
            mean: normalises ? try hub.optionalNumbers("image_mean") ?? defaults.mean : [0, 0, 0],
            deviation: normalises ? try hub.optionalNumbers("image_std") ?? defaults.deviation : [1, 1, 1])
    }

    private static func sizing(_ hub: HubConfiguration, _ defaults: Defaults) throws(CheckpointError)
        -> PixelSpec.Sizing
    {
        let sides = 1...16_384
        var (shortest, exact): (Int?, (Int, Int)?) = (nil, nil)
        if hub.isNumber("size") {
            // Older files have one number: the shorter side where the middle is cut out, else both.
            let side = try hub.int("size", in: sides)
            if defaults.crops { shortest = side } else { exact = (side, side) }
        } else if let size = try hub.object("size") {
            if size.has("shortest_edge") {
                if size.has("longest_edge") { throw size.failure("longest_edge", "is not supported") }
                shortest = try size.int("shortest_edge", in: sides)
            } else {
                exact = (try size.int("width", in: sides), try size.int("height", in: sides))
            }
        } else if defaults.crops {
            shortest = defaults.side
        } else {
            exact = (defaults.side, defaults.side)
        }
        let crops = try hub.optionalFlag("do_center_crop") ?? defaults.crops
        if let exact {
            guard !crops else {
                let crop = try Self.crop(hub, exact.0)
                guard crop == exact else {
                    throw hub.failure("crop_size", "\(crop.0) x \(crop.1) of a picture of one size is not supported")
                }
                return .fixed(width: exact.0, height: exact.1)
            }
            return .fixed(width: exact.0, height: exact.1)
        }
        guard crops, let shortest else {
            throw hub.failure("do_center_crop", "false with size.shortest_edge is not supported")
        }
        let crop = try Self.crop(hub, shortest)
        return .cropped(shortestSide: shortest, width: crop.0, height: crop.1)
    }

    private static func crop(_ hub: HubConfiguration, _ side: Int) throws(CheckpointError) -> (Int, Int) {
        let sides = 1...16_384
        if hub.isNumber("crop_size") {
            let side = try hub.int("crop_size", in: sides)
            return (side, side)
        }
        guard let size = try hub.object("crop_size") else { return (side, side) }
        return (try size.int("width", in: sides), try size.int("height", in: sides))
    }
}

extension PictureProcessor {
    /// Refuses pictures of another size than the learned positions are for.
    func require(_ imageSize: Int) throws(CheckpointError) {
        guard width == imageSize, height == imageSize else {
            throw .field(
                file: file, key: "size",
                reason:
                    "makes pictures of \(width) x \(height), the tower has positions for \(imageSize) x \(imageSize)")
        }
    }
}
