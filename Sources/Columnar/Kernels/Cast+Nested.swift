extension Cast {
    static func nested(_ job: CastJob) throws(KernelError) -> Column {
        let column = job.column
        if case .structure(let from) = column.type, case .structure(let to) = job.type {
            guard let sources = memberSources(from, to) else { throw job.unsupported }
            var members: [Column] = []
            for (source, field) in zip(sources, to) {
                let member = column.children[source]
                // What lies under a null struct is not converted, so that it cannot fail.
                let visible =
                    member.type == .null || column.validity == nil
                    ? member : member.withValidity(.intersect(column.validity, member.validity))
                members.append(try convert(visible, field.type, job.isTry))
            }
            return Column(type: job.type, count: job.count, validity: column.validity, children: members)
        }
        guard let element = job.type.elementType else { throw job.unsupported }
        let source = column.listOffsets
        let start = source[0]
        let length = Int(source[column.count] - start)
        let offsets = Buffer(byteCount: (column.count + 1) * 4)
        let target = offsets.assuming(Int32.self)
        for row in 0...column.count { target[row] = source[row] &- start }
        do {
            let elements = try convert(column.children[0].slice(Int(start), length), element, job.isTry)
            return Column(
                type: job.type, count: job.count, validity: column.validity, values: offsets, children: [elements])
        } catch {
            // The row of the list that holds the bad element.
            let row = error.row.flatMap { bad in (0..<column.count).last { Int(target[$0]) <= bad } }
            throw KernelError(row: row, message: error.message)
        }
    }
}
