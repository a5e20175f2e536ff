#include "include/CSimdJSON.h"

#include <simdjson.h>

#include "decoder.h"

using namespace laminar;

namespace {

uint32_t width_of(int32_t kind) {
    switch (kind) {
    case LAMINAR_JSON_INT8: case LAMINAR_JSON_UINT8: return 1;
    case LAMINAR_JSON_INT16: case LAMINAR_JSON_UINT16: return 2;
    case LAMINAR_JSON_INT32: case LAMINAR_JSON_UINT32: case LAMINAR_JSON_FLOAT32: case LAMINAR_JSON_DATE: return 4;
    case LAMINAR_JSON_INT64: case LAMINAR_JSON_UINT64: case LAMINAR_JSON_FLOAT64: case LAMINAR_JSON_TIMESTAMP:
    case LAMINAR_JSON_TIME: return 8;
    case LAMINAR_JSON_STRING: case LAMINAR_JSON_RAW: case LAMINAR_JSON_BINARY: case LAMINAR_JSON_DECIMAL: return 16;
    default: return 0;
    }
}

}  // namespace

extern "C" {

laminar_json_decoder *laminar_json_create(
    const laminar_json_field *fields, size_t field_count, const laminar_json_options *options) {
    auto *decoder = new laminar_json_decoder;
    decoder->options = *options;
    decoder->root.kind = LAMINAR_JSON_STRUCT;
    decoder->root.id = -1;
    for (size_t i = 0; i < field_count; i++) {
        auto column = std::make_unique<Column>();
        column->kind = fields[i].kind;
        column->id = static_cast<int32_t>(i);
        column->is_nullable = fields[i].is_nullable != 0;
        column->precision = fields[i].precision;
        column->scale = fields[i].scale;
        column->width = width_of(fields[i].kind);
        column->name.assign(fields[i].name, fields[i].name_length);
        Column &parent = fields[i].parent < 0 ? decoder->root : *decoder->fields[static_cast<size_t>(fields[i].parent)];
        parent.children.push_back(column.get());
        if (!column->is_nullable && parent.kind == LAMINAR_JSON_STRUCT) parent.required.push_back(column.get());
        decoder->fields.push_back(std::move(column));
    }
    return decoder;
}

void laminar_json_destroy(laminar_json_decoder *decoder) { delete decoder; }

void laminar_json_set_block(laminar_json_decoder *decoder, const uint8_t *bytes, size_t length, int32_t follows) {
    if (follows) decoder->is_at_stream_start = false;
    decoder->block = bytes;
    decoder->length = length;
    decoder->block_number++;
    decoder->is_block_utf8 =
        length == 0 || simdjson::validate_utf8(reinterpret_cast<const char *>(bytes), length);
}

size_t laminar_json_decode(laminar_json_decoder *decoder, size_t start, size_t row_limit) {
    return decoder->decode(start, row_limit);
}

size_t laminar_json_row_count(const laminar_json_decoder *decoder) { return decoder->rows; }
uint64_t laminar_json_line_count(const laminar_json_decoder *decoder) { return decoder->lines; }
uint64_t laminar_json_bad_count(const laminar_json_decoder *decoder) { return decoder->bad; }

const laminar_json_error *laminar_json_errors(const laminar_json_decoder *decoder, size_t *count) {
    *count = decoder->errors.size();
    return decoder->errors.data();
}

void laminar_json_clear_errors(laminar_json_decoder *decoder) { decoder->errors.clear(); }

void laminar_json_finish(laminar_json_decoder *decoder, int32_t keeps_block) {
    for (Column *column : decoder->root.children) column->finish(static_cast<uint32_t>(decoder->rows));
    decoder->rows = 0;
    decoder->block_number = keeps_block ? 1 : 0;
}

void laminar_json_take(laminar_json_decoder *decoder, size_t field, laminar_json_column *result) {
    Column &column = *decoder->fields[field];
    result->count = column.count;
    result->refers_to_blocks = column.refers_to_blocks;
    column.refers_to_blocks = false;
    result->values = column.values;
    size_t rows = column.capacity;
    result->value_bytes = column.is_list() ? (column.values ? (rows + 1) * 4 : 0)
        : column.kind == LAMINAR_JSON_BOOL ? rows / 8
                                           : rows * column.width;
    bool is_full = column.present == column.count;
    result->validity = is_full ? nullptr : column.validity;
    result->validity_bytes = is_full ? 0 : rows / 8;
    if (is_full) free(column.validity);
    result->arena = column.arena_used ? column.arena : nullptr;
    result->arena_bytes = column.arena_used;
    if (!column.arena_used) free(column.arena);
    // The next batch is mostly as large as this one.
    uint32_t expected = column.count;
    column.values = column.validity = column.arena = nullptr;
    column.capacity = column.count = column.present = column.child_length = 0;
    column.arena_used = column.arena_capacity = 0;
    if (expected) column.grow(expected);
}

int32_t laminar_json_append_text(
    laminar_json_decoder *decoder, size_t field, const uint8_t *bytes, size_t length, int32_t copies) {
    Fault fault;
    Column &column = *decoder->root.children[field];
    uint32_t row = static_cast<uint32_t>(decoder->rows);
    if (copies) {
        // Reading relies on zeros behind the text.
        decoder->scratch.resize(length + 64);
        if (length) memcpy(decoder->scratch.data(), bytes, length);
        memset(decoder->scratch.data() + length, 0, 64);
        return decoder->text(column, row, decoder->scratch.data(), length, nullptr, fault) ? 0 : fault.reason;
    }
    return decoder->text(column, row, bytes, length, bytes, fault) ? 0 : fault.reason;
}

int32_t laminar_json_end_row(laminar_json_decoder *decoder, int32_t *missing_field) {
    for (Column *column : decoder->root.required)
        if (column->count != decoder->rows + 1) {
            *missing_field = column->id;
            decoder->roll_back();
            return kMissing;
        }
    decoder->rows++;
    return 0;
}

void laminar_json_cancel_row(laminar_json_decoder *decoder) { decoder->roll_back(); }

int32_t laminar_utf8_is_valid(const uint8_t *bytes, size_t length) {
    return length == 0 || simdjson::validate_utf8(reinterpret_cast<const char *>(bytes), length);
}

}  // extern "C"
