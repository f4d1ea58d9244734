//! What a list offers to be narrowed by costs the same however many records there are.

use hookswitch_desk::alert::Alert;
use hookswitch_desk::asset::Asset;
use hookswitch_desk::board::{Board, Category, Priority, Status};
use hookswitch_desk::client::Client;
use hookswitch_desk::contact::Contact;
use hookswitch_desk::evidence::Evidence;
use hookswitch_desk::invoice::Invoice;
use hookswitch_desk::kinds::KINDS;
use hookswitch_desk::location::Location;
use hookswitch_desk::project::{Phase, Project, ProjectStatus, ProjectTask};
use hookswitch_desk::record::{Entity, FilterKind};
use hookswitch_desk::service::Service;
use hookswitch_desk::tag::Tag;
use hookswitch_desk::team::Team;
use hookswitch_desk::time::{TimeEntry, TimePeriod, TimeSheet};
use hookswitch_store::params;

use crate::engines::Engine;
pub use crate::fixture::COMPONENTS;
use crate::fixture::{Desk, desk};

crate::on_both_engines!(every_filter_of_a_list_goes_by_an_index_in_the_lists_order);

/// (table, its filters).
type Offered = (&'static str, Vec<&'static str>);

fn of<E: Entity>() -> Offered {
    let own = E::FILTERS.iter().filter(|filter| !matches!(filter.kind, FilterKind::Within(..)));
    (E::TABLE, own.map(|filter| filter.name).collect())
}

/// A ticket's list has conditions of its own.
const TICKET: [&str; 9] = [
    "ticket_number",
    "status_id",
    "board_id",
    "client_id",
    "contact_id",
    "priority_id",
    "category_id",
    "assigned_to",
    "assigned_team_id",
];

async fn every_filter_of_a_list_goes_by_an_index_in_the_lists_order(engine: &Engine) {
    let desk = desk(engine).await;
    let all: Vec<Offered> = vec![
        ("ticket", TICKET.to_vec()),
        of::<Client>(),
        of::<Location>(),
        of::<Contact>(),
        of::<Asset>(),
        of::<Invoice>(),
        of::<Service>(),
        of::<TimePeriod>(),
        of::<TimeSheet>(),
        of::<TimeEntry>(),
        of::<Project>(),
        of::<Phase>(),
        of::<ProjectStatus>(),
        of::<ProjectTask>(),
        of::<Tag>(),
        of::<Team>(),
        of::<Board>(),
        of::<Status>(),
        of::<Priority>(),
        of::<Category>(),
        of::<Alert>(),
        of::<Evidence>(),
        // Lists of one group, which is small; what narrows them further is looked at row by row.
        ("task_group", vec![]),
        ("task", vec!["group_id", "assigned_user_id"]),
        ("task_swap", vec!["group_id"]),
    ];
    for kind in KINDS {
        assert!(all.iter().any(|(table, _)| *table == kind.table), "{} is not looked at", kind.table);
    }
    for (table, filters) in all {
        let indexes = indexes(engine, &desk, table).await;
        assert!(!indexes.is_empty(), "{table} has no index at all");
        // A tag's text is one row per kind of record: five at most.
        for filter in filters.into_iter().filter(|filter| (table, *filter) != ("tag_definition", "tag_text")) {
            let ordered = |columns: &[String]| columns.starts_with(&[filter, "tenant", "id"].map(str::to_owned));
            // Of what is unique there is one.
            let unique = |columns: &[String]| columns.iter().filter(|column| *column != "tenant").eq([filter]);
            let serves = |(is_unique, columns): &(bool, Vec<String>)| ordered(columns) || (*is_unique && unique(columns));
            assert!(indexes.iter().any(serves), "{table}.{filter} goes by none of {indexes:?}");
        }
    }
}

/// Whether it is unique and its columns, of each of the table's indexes.
async fn indexes(engine: &Engine, desk: &Desk, table: &str) -> Vec<(bool, Vec<String>)> {
    let catalogue = match engine.name {
        "sqlite" => "SELECT sql FROM sqlite_master WHERE type = 'index' AND tbl_name = $1 AND sql IS NOT NULL",
        _ => "SELECT indexdef FROM pg_indexes WHERE tablename = $1",
    };
    let rows = desk.sql(catalogue, params![table]).await;
    let texts = rows.into_iter().map(|mut row| row.get::<String>(0).unwrap());
    let parse = |text: String| {
        let columns =
            text.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map(|(columns, _)| columns).unwrap_or_default();
        // A part of the rows serves nobody who asks for another part.
        let whole = !text.contains(" WHERE ");
        (text.contains("UNIQUE"), columns.split(',').filter(|_| whole).map(|column| column.trim().to_owned()).collect())
    };
    texts.map(parse).collect()
}
