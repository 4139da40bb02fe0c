#include "CSentencePiece.h"

#include <sentencepiece_processor.h>

#include <algorithm>
#include <exception>
#include <memory>
#include <new>
#include <string_view>
#include <vector>

struct castor_sentencepiece {
    sentencepiece::SentencePieceProcessor processor;
};

castor_sentencepiece *castor_sentencepiece_load(const void *model, size_t size, bool *lacks_memory) {
    *lacks_memory = false;
    try {
        auto result = std::make_unique<castor_sentencepiece>();
        const auto status = result->processor.LoadFromSerializedProto({static_cast<const char *>(model), size});
        if (status.ok()) return result.release();
    } catch (const std::bad_alloc &) {
        *lacks_memory = true;
    } catch (const std::exception &) {
    }
    return nullptr;
}

void castor_sentencepiece_free(castor_sentencepiece *processor) { delete processor; }

int32_t castor_sentencepiece_piece_count(const castor_sentencepiece *processor) {
    return processor->processor.GetPieceSize();
}

int32_t castor_sentencepiece_end_id(const castor_sentencepiece *processor) { return processor->processor.eos_id(); }

int32_t castor_sentencepiece_unknown_id(const castor_sentencepiece *processor) { return processor->processor.unk_id(); }

int64_t castor_sentencepiece_encode(
    const castor_sentencepiece *processor, const char *text, size_t size, int32_t *ids, size_t capacity) {
    try {
        std::vector<int> encoded;
        if (!processor->processor.Encode({text, size}, &encoded).ok()) return -1;
        std::copy_n(encoded.begin(), std::min(encoded.size(), capacity), ids);
        return static_cast<int64_t>(encoded.size());
    } catch (const std::exception &) {
        return -1;
    }
}
