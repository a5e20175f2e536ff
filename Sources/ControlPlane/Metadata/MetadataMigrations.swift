import GRDB

/// Every change of the database's tables, in order; none is ever edited once released.
enum MetadataMigrations {
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("0001 pipelines and connections", migrate: pipelinesAndConnections)
        migrator.registerMigration("0002 definitions of tables outside") { database in
            try database.execute(sql: "ALTER TABLE pipelines ADD COLUMN definitions TEXT NOT NULL DEFAULT '[]'")
        }
        migrator.registerMigration("0003 other queries", migrate: otherQueries)
        migrator.registerMigration("0004 pipelines by table") { database in
            try database.execute(sql: "CREATE INDEX pipeline_tables_by_table ON pipeline_tables (table_id)")
        }
        return migrator
    }

    /// `previous_query` is the one whose state there is while another one is to go on from it, `previous_definitions`
    /// what was asked for to plan it; `accepted_graphs` are fingerprints, hexadecimal, with spaces between.
    private static func otherQueries(_ database: Database) throws {
        try database.execute(
            sql: """
                ALTER TABLE pipelines ADD COLUMN query_version INTEGER NOT NULL DEFAULT 1;
                ALTER TABLE pipelines ADD COLUMN previous_query TEXT;
                ALTER TABLE pipelines ADD COLUMN previous_definitions TEXT NOT NULL DEFAULT '[]';
                ALTER TABLE jobs ADD COLUMN accepted_graphs TEXT NOT NULL DEFAULT '';
                """)
    }

    /// Times are microseconds since 1970, but those of `job_checkpoints` and its `spans` nanoseconds; `graph`,
    /// `diagnostics`, `definitions`, `tags`, `spans`, `config` and `schema` are JSON.
    private static func pipelinesAndConnections(_ database: Database) throws {
        try database.execute(
            sql: """
                CREATE TABLE pipelines (
                    id TEXT PRIMARY KEY, name TEXT NOT NULL, query TEXT NOT NULL, parallelism INTEGER NOT NULL,
                    checkpoint_interval_micros INTEGER NOT NULL, stop TEXT NOT NULL, restart_nonce INTEGER NOT NULL,
                    forces_restart INTEGER NOT NULL, is_preview INTEGER NOT NULL, enables_sinks INTEGER NOT NULL,
                    ttl_micros INTEGER, tags TEXT NOT NULL, graph TEXT NOT NULL, diagnostics TEXT NOT NULL,
                    created_at INTEGER NOT NULL
                ) STRICT;
                CREATE INDEX pipelines_by_time ON pipelines (is_preview, created_at, id);
                CREATE TABLE jobs (
                    id TEXT PRIMARY KEY,
                    pipeline_id TEXT NOT NULL UNIQUE REFERENCES pipelines (id) ON DELETE CASCADE,
                    run_id INTEGER NOT NULL, state TEXT NOT NULL, created_at INTEGER NOT NULL, start_time INTEGER,
                    finish_time INTEGER, tasks INTEGER, failure_message TEXT, failure_domain TEXT,
                    state_folder INTEGER NOT NULL, messages_dropped INTEGER NOT NULL
                ) STRICT;
                CREATE TABLE job_transitions (
                    number INTEGER PRIMARY KEY AUTOINCREMENT,
                    job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
                    run_id INTEGER NOT NULL, state TEXT NOT NULL, time INTEGER NOT NULL, cause TEXT
                ) STRICT;
                CREATE INDEX job_transitions_by_job ON job_transitions (job_id, number);
                CREATE TABLE job_messages (
                    number INTEGER PRIMARY KEY AUTOINCREMENT,
                    job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
                    created_at INTEGER NOT NULL, level TEXT NOT NULL, message TEXT NOT NULL, details TEXT NOT NULL,
                    operator_id TEXT, task_index INTEGER, domain TEXT
                ) STRICT;
                CREATE INDEX job_messages_by_job ON job_messages (job_id, number);
                CREATE TABLE job_checkpoints (
                    job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
                    epoch INTEGER NOT NULL, start_time INTEGER NOT NULL, finish_time INTEGER, outcome TEXT NOT NULL,
                    stops INTEGER NOT NULL, bytes INTEGER NOT NULL, published_time INTEGER, spans TEXT NOT NULL,
                    PRIMARY KEY (job_id, epoch)
                ) STRICT, WITHOUT ROWID;
                CREATE TABLE folders_to_remove (path TEXT PRIMARY KEY) STRICT;
                CREATE TABLE connection_profiles (
                    id TEXT PRIMARY KEY, name TEXT NOT NULL COLLATE NOCASE UNIQUE, connector TEXT NOT NULL,
                    config TEXT NOT NULL, created_at INTEGER NOT NULL
                ) STRICT;
                CREATE TABLE connection_tables (
                    id TEXT PRIMARY KEY, name TEXT NOT NULL COLLATE NOCASE UNIQUE, connector TEXT NOT NULL,
                    profile_id TEXT REFERENCES connection_profiles (id), table_type TEXT NOT NULL,
                    config TEXT NOT NULL, schema TEXT, created_at INTEGER NOT NULL
                ) STRICT;
                CREATE INDEX connection_tables_by_time ON connection_tables (created_at, id);
                CREATE TABLE pipeline_tables (
                    pipeline_id TEXT NOT NULL REFERENCES pipelines (id) ON DELETE CASCADE,
                    table_id TEXT NOT NULL REFERENCES connection_tables (id),
                    PRIMARY KEY (pipeline_id, table_id)
                ) STRICT, WITHOUT ROWID;
                """)
    }
}
