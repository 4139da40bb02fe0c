private import CHEIF

/// HEIC and AVIF through libheif, which is loaded for the first of them and turns the picture upright itself.
enum HEIF {
    static func header(
        _ bytes: UnsafeRawBufferPointer, format: ImageFormat, limits: MediaLimits
    ) throws(MediaError) -> ImageHeader {
        try HEIFItems.check(bytes, format)
        let file = try HEIFFile(bytes, format: format, limits: limits)
        return ImageHeader(format: format, size: file.size)
    }

    static func decode(
        _ bytes: UnsafeRawBufferPointer, header: ImageHeader, limits: MediaLimits
    ) throws(MediaError) -> PixelImage {
        try HEIFFile(bytes, format: header.format, limits: limits).decode()
    }
}

/// A file and its primary image.
private struct HEIFFile: ~Copyable {
    let heif: castor_heif_functions
    let format: ImageFormat
    let context: OpaquePointer
    let image: OpaquePointer

    init(_ bytes: UnsafeRawBufferPointer, format: ImageFormat, limits: MediaLimits) throws(MediaError) {
        guard let heif = castor_heif()?.pointee else {
            throw castor_heif_lacks_memory()
                ? .outOfMemory(format: format.rawValue)
                : .libraryMissing(reason: String(cString: castor_heif_missing()), packages: "libheif1")
        }
        guard let context = heif.heif_context_alloc() else { throw .outOfMemory(format: format.rawValue) }
        heif.heif_context_set_maximum_image_size_limit(context, Int32(clamping: limits.maxImageSide))
        heif.heif_context_set_max_decoding_threads(context, 0)
        // The caller's bytes outlive the context, so there is no need to copy them.
        var error = heif.heif_context_read_from_memory_without_copy(context, bytes.baseAddress, bytes.count, nil)
        var image: OpaquePointer?
        if error.code == heif_error_Ok {
            error = heif.heif_context_get_primary_image_handle(context, &image)
        }
        guard error.code == heif_error_Ok, let image else {
            let failure = Self.failure(error, format)
            heif.heif_context_free(context)
            throw failure
        }
        self.heif = heif
        self.format = format
        self.context = context
        self.image = image
        // Of canvases and tiles, which need not be what the header says.
        let side = max(size.width, size.height, Self.leastSide)
        heif.heif_context_set_maximum_image_size_limit(context, Int32(clamping: min(side, limits.maxImageSide)))
    }

    /// Tiles are larger than small pictures.
    private static let leastSide = 4_096

    deinit {
        heif.heif_image_handle_release(image)
        heif.heif_context_free(context)
    }

    /// Upright.
    var size: ImageSize {
        ImageSize(
            width: Int(heif.heif_image_handle_get_width(image)), height: Int(heif.heif_image_handle_get_height(image)))
    }

    func decode() throws(MediaError) -> PixelImage {
        let hasAlpha = heif.heif_image_handle_has_alpha_channel(image) != 0
        let channels = hasAlpha ? 4 : 3
        guard castor_heif_has_thread() else {
            throw .outOfMemory(format: format.rawValue)
        }
        let options = heif.heif_decoding_options_alloc()
        defer { heif.heif_decoding_options_free(options) }
        var decoded: OpaquePointer?
        let chroma = hasAlpha ? heif_chroma_interleaved_RGBA : heif_chroma_interleaved_RGB
        let hasQuietDecoder = heif.hasDecoder(Self.quietDecoder, heif_compression_AV1)
        let error = Self.quietDecoder.withCString { name in
            options?.pointee.decoder_id = hasQuietDecoder ? name : nil
            return heif.heif_decode_image(image, &decoded, heif_colorspace_RGB, chroma, options)
        }
        guard error.code == heif_error_Ok, let decoded else { throw Self.failure(error, format) }
        defer { heif.heif_image_release(decoded) }

        let size = size
        var stride: Int32 = 0
        guard let plane = heif.heif_image_get_plane_readonly(decoded, heif_channel_interleaved, &stride),
            heif.heif_image_get_width(decoded, heif_channel_interleaved) == size.width,
            heif.heif_image_get_height(decoded, heif_channel_interleaved) == size.height,
            Int(stride) >= size.width * channels
        else {
            throw .damaged(format: format.rawValue, reason: "the picture's size is not the one that the header gives")
        }
        var pixels: [UInt8] = []
        pixels.reserveCapacity(size.pixelCount * channels)
        for y in 0..<size.height {
            pixels.append(contentsOf: UnsafeBufferPointer(start: plane + y * Int(stride), count: size.width * channels))
        }
        return hasAlpha ? PixelImage(size: size, overWhite: pixels) : PixelImage(size: size, pixels: pixels)
    }

    /// dav1d, which libheif prefers for AV1, writes lines of its own about damaged files to standard error, and libheif 1.15 has no way to
    /// stop it. libaom gives the same pixels in silence; where it is not there, the choice is libheif's. HEVC has one decoder only.
    private static let quietDecoder = "aom"

    private static func failure(_ error: heif_error, _ format: ImageFormat) -> MediaError {
        if error.code == heif_error_Memory_allocation_error { return .outOfMemory(format: format.rawValue) }
        let reason = error.message.map { String(cString: $0) } ?? "unknown error"
        return error.code == heif_error_Unsupported_feature || error.code == heif_error_Unsupported_filetype
            ? .unsupported("\(format.rawValue): \(reason)") : .damaged(format: format.rawValue, reason: reason)
    }
}

extension castor_heif_functions {
    fileprivate func hasDecoder(_ name: String, _ compression: heif_compression_format) -> Bool {
        var decoders = [OpaquePointer?](repeating: nil, count: 16)
        let count = heif_get_decoder_descriptors(compression, &decoders, Int32(decoders.count))
        return decoders.prefix(max(0, Int(count))).contains { decoder in
            heif_decoder_descriptor_get_id_name(decoder).map { String(cString: $0) } == name
        }
    }
}
