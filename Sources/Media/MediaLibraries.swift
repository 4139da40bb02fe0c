private import CFFmpeg
private import CGIF
private import CHEIF
private import CPNG
private import CSndfile
private import CWebP

extension MediaError {
    /// Of those that this thread tried to load last.
    static var missingFFmpeg: MediaError {
        .libraryMissing(
            reason: String(cString: castor_ffmpeg_missing()), packages: String(cString: castor_ffmpeg_packages()))
    }
}

/// The libraries that decode, with the versions at hand now; those that do not tell at run time, with that of their headers.
package enum MediaLibraries {
    /// Loads those that are loaded on demand, and asks the machine what decoders ask it.
    static func load() {
        _ = castor_heif()?.pointee.heif_get_version()
        castor_ffmpeg_load()
        _ = FFmpegVideo.threads
    }

    /// libheif, FFmpeg and Poppler are loaded to be asked; their absence is said in place of a version.
    package static var versions: [(name: String, version: String)] {
        let webp = WebPGetDecoderVersion()
        return [
            ("libpng", String(cString: castor_png_version())),
            ("libwebp", "\(webp >> 16).\(webp >> 8 & 255).\(webp & 255)"),
            ("giflib", "\(GIFLIB_MAJOR).\(GIFLIB_MINOR).\(GIFLIB_RELEASE)"),
            ("libheif", String(cString: castor_heif()?.pointee.heif_get_version() ?? castor_heif_missing())),
            ("libsndfile", String(cString: sf_version_string()).trimmingPrefix("libsndfile-").description),
            ("FFmpeg", String(cString: castor_ffmpeg_version())),
            ("Poppler", DocumentReader.libraryVersion),
        ]
    }
}
