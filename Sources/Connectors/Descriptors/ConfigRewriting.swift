import JSONModel

/// Small steps that respell an object.
extension JSONObject {
    /// Gives a member another name, in its place, unless that one is there already; nil takes the member away.
    mutating func rename(_ key: String, to name: String?) {
        guard let value = self[key] else { return }
        guard let name else {
            self[key] = nil
            return
        }
        if self[name] != nil { return }
        self = JSONObject(members.map { $0.key == key ? Member(key: name, value: value) : $0 })
    }

    /// Changes a member that is an object; others stay as they are.
    mutating func change(_ key: String, _ body: (inout JSONObject) -> Void) {
        guard var inner = self[key]?.object else { return }
        body(&inner)
        self[key] = .object(inner)
    }

    /// Moves members into a member that is an object, which is made if need be; what is in there already stays.
    mutating func move(_ keys: [String], into target: String) {
        let found = keys.filter { self[$0] != nil && $0 != target }
        if found.isEmpty || self[target] != nil && self[target]?.object == nil { return }
        var inner = self[target]?.object ?? JSONObject()
        for key in found {
            if inner[key] == nil { inner[key] = self[key] }
            self[key] = nil
        }
        self[target] = .object(inner)
    }
}
