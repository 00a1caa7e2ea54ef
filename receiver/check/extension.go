package check

// plainText is what a text without markup may look like to a detector.
var plainText = []string{"text/plain", "text/csv", "text/tab-separated-values", "application/json", "application/x-ndjson", "text/vtt", "application/x-subrip"}

// claims are the types that content may have under a name with the extension, as the detector (inside.Type) names them. An extension that is
// not here claims nothing.
var claims = map[string][]string{
	".txt": plainText, ".md": plainText, ".log": plainText, ".csv": plainText, ".tsv": plainText, ".conf": plainText, ".cfg": plainText, ".ini": plainText,
	".yaml": plainText, ".yml": plainText, ".toml": plainText, ".minisig": plainText,
	".json": {"application/json", "application/geo+json", "application/x-har+json", "model/gltf+json", "text/plain"}, ".ndjson": {"application/x-ndjson", "application/json"},
	".xml":  {"text/xml", "application/rss+xml", "application/atom+xml", "application/xliff+xml", "image/svg+xml", "model/x3d+xml", "application/gpx+xml", "application/gml+xml", "application/vnd.google-earth.kml+xml"},
	".html": {"text/html", "application/xhtml+xml"}, ".htm": {"text/html", "application/xhtml+xml"},
	".svg": {"image/svg+xml"}, ".rtf": {"text/rtf"}, ".ps": {"application/postscript"}, ".pdf": {"application/pdf"},
	".png": {"image/png", "image/vnd.mozilla.apng"}, ".jpg": {"image/jpeg"}, ".jpeg": {"image/jpeg"}, ".gif": {"image/gif"}, ".webp": {"image/webp"}, ".bmp": {"image/bmp"},
	".tif": {"image/tiff"}, ".tiff": {"image/tiff"}, ".ico": {"image/x-icon"}, ".heic": {"image/heic"}, ".avif": {"image/avif"},
	".mp3": {"audio/mpeg"}, ".wav": {"audio/wav"}, ".flac": {"audio/flac"}, ".ogg": {"application/ogg", "audio/ogg", "video/ogg"},
	".mp4": {"video/mp4"}, ".mov": {"video/quicktime"}, ".avi": {"video/x-msvideo"}, ".webm": {"video/webm"}, ".mkv": {"video/x-matroska"},
	".zip": {"application/zip"}, ".tar": {"application/x-tar"}, ".gz": {"application/gzip"}, ".tgz": {"application/gzip"}, ".bz2": {"application/x-bzip2"}, ".xz": {"application/x-xz"},
	".zst": {"application/zstd"}, ".7z": {"application/x-7z-compressed"}, ".rar": {"application/x-rar-compressed"}, ".cab": {"application/vnd.ms-cab-compressed"},
	".jar": {"application/java-archive", "application/zip"}, ".apk": {"application/vnd.android.package-archive", "application/java-archive", "application/zip"},
	".docx": {"application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
	".xlsx": {"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
	".pptx": {"application/vnd.openxmlformats-officedocument.presentationml.presentation"},
	".doc":  {"application/msword", "application/x-ole-storage"}, ".xls": {"application/vnd.ms-excel", "application/x-ole-storage"},
	".ppt": {"application/vnd.ms-powerpoint", "application/x-ole-storage"},
	".odt": {"application/vnd.oasis.opendocument.text"}, ".ods": {"application/vnd.oasis.opendocument.spreadsheet"}, ".odp": {"application/vnd.oasis.opendocument.presentation"},
	".epub": {"application/epub+zip"}, ".deb": {"application/vnd.debian.binary-package"}, ".rpm": {"application/x-rpm"},
	".exe": {"application/vnd.microsoft.portable-executable"}, ".dll": {"application/vnd.microsoft.portable-executable"},
	".iso": {"application/x-iso9660-image"}, ".wasm": {"application/wasm"}, ".pcap": {"application/vnd.tcpdump.pcap"}, ".sqlite": {"application/vnd.sqlite3"},
}
