//! The ids of the desk's records.

use crate::record::RecordId;

/// Declares ids that are values of columns; those after `records` are records' own.
macro_rules! desk_ids {
    ($($(#[$doc:meta])* $name:ident $prefix:literal;)+) => {
        hookswitch_domain::ids! { $($(#[$doc])* $name $prefix;)+ }
        hookswitch_store::id_values!($($name),+);
        $(impl RecordId for $name { const PREFIX: &'static str = $prefix; })+
    };
}

desk_ids! {
    TicketId "tkt";
    CommentId "cmt";
    ClientId "cli";
    LocationId "loc";
    ContactId "con";
    BoardId "brd";
    StatusId "sts";
    PriorityId "pri";
    CategoryId "cat";
    TeamId "tea";
    AssetId "ast";
    /// An asset's part in a ticket.
    AssociationId "asc";
    InvoiceId "inv";
    ServiceId "svc";
    TimePeriodId "tpd";
    TimeSheetId "tsh";
    TimeEntryId "tme";
    ProjectId "prj";
    PhaseId "phs";
    /// A status that a project's tasks may have.
    ProjectStatusId "psm";
    ProjectTaskId "ptk";
    TagId "tag";
    /// A tag on a record.
    TagMappingId "tgm";
    AlertId "alr";
    EvidenceId "evd";
    TaskId "tsk";
    SwapId "swp";
    /// A row of `tenant_external_entity_mappings`.
    MappingId "map";
    /// A row of a record's history.
    HistoryId "his";
}
