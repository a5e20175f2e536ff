#include "scan.h"

namespace laminar {

const Byte *skip_container(const Byte *p, const Byte *end, int depth, Fault &fault) {
    if (depth <= 0) return fail(fault, p, kTooDeep);
    bool is_object = *p == '{';
    const Byte close = is_object ? '}' : ']';
    p = skip_space(p + 1);
    if (*p == close) return p + 1;
    for (;;) {
        if (is_object) {
            bool has_escape = false;
            if (*p != '"') return unexpected(fault, p, end);
            p = skip_string(p + 1, end, has_escape, fault);
            if (!p) return nullptr;
            p = skip_space(p);
            if (*p != ':') return unexpected(fault, p, end);
            p = skip_space(p + 1);
        }
        p = skip_value(p, end, depth - 1, fault);
        if (!p) return nullptr;
        p = skip_space(p);
        if (*p == close) return p + 1;
        if (*p != ',') return unexpected(fault, p, end);
        p = skip_space(p + 1);
    }
}

}  // namespace laminar
