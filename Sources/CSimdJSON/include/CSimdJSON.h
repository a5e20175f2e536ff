// Decodes lines of JSON (and single text cells) into Arrow-layout column buffers.
//
// The caller describes the wanted fields as a tree; everything else in a record is only checked for its structure.
// Records are filled in row by row; a bad one is rolled back and described in a list. Duplicate keys: the last wins.
#pragma once
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// What a column holds; the widths are those of the Arrow layout.
enum laminar_json_kind {
    LAMINAR_JSON_BOOL = 0,
    LAMINAR_JSON_INT8,
    LAMINAR_JSON_INT16,
    LAMINAR_JSON_INT32,
    LAMINAR_JSON_INT64,
    LAMINAR_JSON_UINT8,
    LAMINAR_JSON_UINT16,
    LAMINAR_JSON_UINT32,
    LAMINAR_JSON_UINT64,
    LAMINAR_JSON_FLOAT32,
    LAMINAR_JSON_FLOAT64,
    LAMINAR_JSON_STRING,
    /// Any document, kept as its text.
    LAMINAR_JSON_RAW,
    /// Nanoseconds since the epoch.
    LAMINAR_JSON_TIMESTAMP,
    /// Days since the epoch, 32 bits.
    LAMINAR_JSON_DATE,
    /// Nanoseconds since midnight.
    LAMINAR_JSON_TIME,
    /// A scaled 128-bit integer.
    LAMINAR_JSON_DECIMAL,
    /// Bytes, from base64.
    LAMINAR_JSON_BINARY,
    LAMINAR_JSON_STRUCT,
    /// One child.
    LAMINAR_JSON_LIST,
    /// From an object: a list whose child is a struct of a string key and a value.
    LAMINAR_JSON_MAP,
    /// Always null.
    LAMINAR_JSON_NULL,
};

/// Why a record is bad.
enum laminar_json_reason {
    LAMINAR_JSON_MALFORMED = 1,
    LAMINAR_JSON_TRUNCATED,
    LAMINAR_JSON_WRONG_TYPE,
    LAMINAR_JSON_OUT_OF_RANGE,
    LAMINAR_JSON_BAD_UTF8,
    LAMINAR_JSON_BAD_ESCAPE,
    LAMINAR_JSON_MISSING,
    LAMINAR_JSON_TOO_DEEP,
    LAMINAR_JSON_NOT_A_RECORD,
    LAMINAR_JSON_BAD_TEXT,
    LAMINAR_JSON_TRAILING,
    LAMINAR_JSON_TOO_LARGE,
};

/// What was found where something else was expected.
enum laminar_json_found {
    LAMINAR_JSON_FOUND_NOTHING = 0,
    LAMINAR_JSON_FOUND_OBJECT,
    LAMINAR_JSON_FOUND_ARRAY,
    LAMINAR_JSON_FOUND_STRING,
    LAMINAR_JSON_FOUND_NUMBER,
    LAMINAR_JSON_FOUND_BOOLEAN,
    LAMINAR_JSON_FOUND_NULL,
    LAMINAR_JSON_FOUND_OTHER,
};

/// One wanted field. Fields come in pre-order; `parent` is the position of the enclosing one, -1 at the top.
struct laminar_json_field {
    const char *name;
    size_t name_length;
    int32_t kind;
    int32_t parent;
    int32_t is_nullable;
    int32_t precision;
    int32_t scale;
};

struct laminar_json_options {
    /// Nanoseconds per unit of an integer that stands for a timestamp.
    int64_t timestamp_unit;
    /// How deep arrays and objects may lie inside one another.
    int32_t nesting_limit;
    /// Each line is one value of the only column instead of an object of fields.
    int32_t is_unstructured;
    /// Stop at the first bad record instead of leaving it out.
    int32_t stops_at_error;
    /// How many bad records are described.
    int32_t error_limit;
    /// A bad record counts as a row where rows are limited.
    int32_t counts_errors;
    /// A text that stands for a decimal is base64 of its unscaled value, big-endian in two's complement; else its digits.
    int32_t decimals_are_bytes;
};

struct laminar_json_error {
    int32_t reason;
    /// The field's position in the list given, -1 when none.
    int32_t field;
    int32_t found;
    /// 1 for the first line of the stream.
    uint64_t line;
    /// Where the line starts in the block.
    size_t line_offset;
    /// Where in the line it was noticed.
    size_t position;
};

/// A finished column; buffers are made by malloc and belong to the caller. Null pointers where there is nothing.
struct laminar_json_column {
    uint8_t *values;
    size_t value_bytes;
    uint8_t *validity;
    size_t validity_bytes;
    /// Data buffer 0 of a text column: unescaped texts.
    uint8_t *arena;
    size_t arena_bytes;
    size_t count;
    /// Whether a text column points into a block.
    int32_t refers_to_blocks;
};

typedef struct laminar_json_decoder laminar_json_decoder;

laminar_json_decoder *laminar_json_create(
    const struct laminar_json_field *fields, size_t field_count, const struct laminar_json_options *options);
void laminar_json_destroy(laminar_json_decoder *decoder);

/// Makes `bytes` the current block; text columns refer to it as the next data buffer (the first one after a take is
/// buffer 1). It must end at a line's end or at the end of input and be followed by 64 bytes of zeros. Only the first
/// block may begin with a byte order mark, and not if it `follows` others that this decoder was not given.
void laminar_json_set_block(laminar_json_decoder *decoder, const uint8_t *bytes, size_t length, int32_t follows);

/// Decodes lines of the current block from `start` until there are `row_limit` rows or the block ends.
/// Gives where it stopped.
size_t laminar_json_decode(laminar_json_decoder *decoder, size_t start, size_t row_limit);

/// Rows decoded since the last take.
size_t laminar_json_row_count(const laminar_json_decoder *decoder);
/// Lines and bad records seen since the decoder was made.
uint64_t laminar_json_line_count(const laminar_json_decoder *decoder);
uint64_t laminar_json_bad_count(const laminar_json_decoder *decoder);

/// The errors described since the last clearing.
const struct laminar_json_error *laminar_json_errors(const laminar_json_decoder *decoder, size_t *count);
void laminar_json_clear_errors(laminar_json_decoder *decoder);

/// Ends the batch: pads all columns to the same length. Then each column can be taken once. If `keeps_block`, the
/// current block goes on as the next batch's data buffer 1; otherwise it is forgotten.
void laminar_json_finish(laminar_json_decoder *decoder, int32_t keeps_block);
void laminar_json_take(laminar_json_decoder *decoder, size_t field, struct laminar_json_column *column);

// Filling in single cells, for other text formats: begin a row, append cells, end it.

/// Reads the bytes as the text form of top-level field `field` in the current row. They must lie inside the current
/// block (text columns then refer to them) unless `copies`. Gives 0 or the reason why not.
int32_t laminar_json_append_text(
    laminar_json_decoder *decoder, size_t field, const uint8_t *bytes, size_t length, int32_t copies);
/// Ends the row. Gives 0 or a reason with `*missing_field` set; then the row is rolled back.
int32_t laminar_json_end_row(laminar_json_decoder *decoder, int32_t *missing_field);
/// Undoes the current row.
void laminar_json_cancel_row(laminar_json_decoder *decoder);

/// Whether the bytes are well-formed UTF-8; several gigabytes a second.
int32_t laminar_utf8_is_valid(const uint8_t *bytes, size_t length);

#ifdef __cplusplus
}
#endif
