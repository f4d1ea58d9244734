//! Migrations come in pairs, and both of a pair make the same tables with the same columns.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use hookswitch_domain::tenant::PLATFORM;
use hookswitch_store::migrate::{Migration, Schema};
use hookswitch_store::{Component, STORE, params};

use crate::engines::{Engine, sql};

const COMPONENTS: &[Component] = &[STORE];

crate::on_both_engines!(a_database_that_lacks_an_older_migration_is_behind);

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

/// As if two branches had met: the newest is there, one before it isn't.
async fn a_database_that_lacks_an_older_migration_is_behind(engine: &Engine) {
    assert_eq!(engine.db.schema(COMPONENTS).await.unwrap(), Schema::Current);
    let [.., old, newest] = STORE.migrations else { panic!("two migrations at least") };
    let forget = "DELETE FROM schema_migration WHERE version = $1";
    sql(&engine.db, PLATFORM, forget, params![old.version]).await;
    assert_eq!(engine.db.schema(COMPONENTS).await.unwrap(), Schema::Behind(vec![old.name]));
    let put_back = "INSERT INTO schema_migration (component, version, name, applied_at) VALUES ('store', $1, $2, 0)";
    sql(&engine.db, PLATFORM, put_back, params![old.version, old.name]).await;
    // A number that no migration here has is another program's, also below the newest.
    let theirs = (1..newest.version).find(|number| STORE.migrations.iter().all(|migration| migration.version != *number));
    let theirs = theirs.unwrap_or(newest.version + 1);
    sql(&engine.db, PLATFORM, put_back, params![theirs, "theirs"]).await;
    assert_eq!(engine.db.schema(COMPONENTS).await.unwrap(), Schema::Ahead(vec![format!("store {theirs}")]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_in_the_middle_is_applied() {
    const FIRST: Migration =
        Migration { version: 1, name: "first", sqlite: "CREATE TABLE a (n BIGINT)", postgres: "CREATE TABLE a (n BIGINT)" };
    const THIRD: Migration =
        Migration { version: 3, name: "third", sqlite: "CREATE TABLE c (n BIGINT)", postgres: "CREATE TABLE c (n BIGINT)" };
    const SECOND: Migration =
        Migration { version: 2, name: "second", sqlite: "CREATE TABLE b (n BIGINT)", postgres: "CREATE TABLE b (n BIGINT)" };
    const BEFORE: &[Component] = &[STORE, Component { name: "host", migrations: &[FIRST, THIRD] }];
    const AFTER: &[Component] = &[STORE, Component { name: "host", migrations: &[FIRST, SECOND, THIRD] }];
    for engine in [Engine::sqlite(BEFORE).await, Engine::postgres(BEFORE).await] {
        assert_eq!(engine.db.schema(AFTER).await.unwrap(), Schema::Behind(vec!["second"]), "{}", engine.name);
        assert_eq!(engine.db.migrate(AFTER).await.unwrap(), ["second"]);
        assert_eq!(engine.db.schema(AFTER).await.unwrap(), Schema::Current);
        assert!(matches!(engine.db.schema(BEFORE).await.unwrap(), Schema::Ahead(_)), "the older program keeps away");
    }
}
