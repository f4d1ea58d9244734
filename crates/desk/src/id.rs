//! The ids of the desk's records.

hookswitch_domain::ids! {
    TicketId "tkt";
    CommentId "cmt";
    ClientId "cli";
    BoardId "brd";
    StatusId "sts";
    PriorityId "pri";
    CategoryId "cat";
    /// A row of `tenant_external_entity_mappings`.
    MappingId "map";
}

hookswitch_store::id_values!(TicketId, CommentId, ClientId, BoardId, StatusId, PriorityId, CategoryId, MappingId);
