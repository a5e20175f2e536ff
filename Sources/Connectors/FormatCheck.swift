import Columnar
import Dataflow
import Formats

extension FormatOptions {
    /// The columns that the options' own definition gives; none where they hold no definition. Errors: as in `check`.
    func columns() throws(OptionError) -> [Field] {
        do throws(FormatOptionError) {
            return try definedColumns() ?? []
        } catch {
            throw OptionError(key: error.key, message: error.message)
        }
    }

    /// Whether the format can hold these columns, where it is known which way the table is used. Errors: what is wrong,
    /// at its option.
    func check(_ schema: Schema, as roles: Set<TableRole>) throws(OptionError) {
        do throws(FormatOptionError) {
            if roles == [.source] { _ = try makeDecoder(schema: schema) }
            if roles == [.sink] { _ = try makeEncoder(schema: schema) }
        } catch {
            throw OptionError(key: error.key, message: error.message)
        }
    }
}
