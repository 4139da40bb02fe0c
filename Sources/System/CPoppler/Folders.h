#pragma once

/// Folders and files that rendering may read: fonts, their settings and caches, encodings, the data of OCR. A null pointer ends them.
const char *const *castor_document_folders(void);
