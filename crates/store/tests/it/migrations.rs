//! Migrations come in pairs, and both of a pair make the same tables with the same columns.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use hookswitch_domain::tenant::PLATFORM;
use hookswitch_store::{Component, STORE, params};

use crate::engines::{Engine, sql};

const COMPONENTS: &[Component] = &[STORE];

fn names(engine: &str) -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(engine);
    std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn every_migration_has_its_twin_and_is_in_the_list() {
    let listed: BTreeSet<String> = STORE.migrations.iter().map(|migration| format!("{}.sql", migration.name)).collect();
    assert_eq!(names("sqlite"), listed);
    assert_eq!(names("postgres"), listed);
    let numbers: Vec<i64> = STORE.migrations.iter().map(|migration| migration.version).collect();
    assert!(numbers.is_sorted_by(|earlier, later| earlier < later), "in order, each once: {numbers:?}");
}

async fn columns(engine: &Engine, query: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut tables: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for mut row in sql(&engine.db, PLATFORM, query, params![]).await {
        tables.entry(row.get(0).unwrap()).or_default().insert(row.get(1).unwrap());
    }
    tables
}

#[tokio::test(flavor = "multi_thread")]
async fn both_engines_have_the_same_tables_and_every_key_holds_the_tenant() {
    let sqlite = Engine::sqlite(COMPONENTS).await;
    let postgres = Engine::postgres(COMPONENTS).await;
    let there = "SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c
        WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'";
    let here = "SELECT table_name::text, column_name::text FROM information_schema.columns
        WHERE table_schema = 'public' AND table_name !~ '_(rest|p[0-9]{8})$'";
    assert_eq!(columns(&sqlite, there).await, columns(&postgres, here).await);

    // Citus distributes by tenant, which therefore stands in every primary key. These belong to no
    // tenant; an attempt's key is its number on SQLite alone.
    let exempt = ["tenant", "node", "schema_migration", "account", "attempt"];
    let keys = "SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c
        WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND c.pk > 0";
    for (table, key) in columns(&sqlite, keys).await {
        assert!(key.contains("tenant") || exempt.contains(&table.as_str()), "{table} has the key {key:?}");
    }
}
