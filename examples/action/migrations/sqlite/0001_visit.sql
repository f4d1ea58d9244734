CREATE TABLE visitor (
    name TEXT NOT NULL,
    tenant BLOB NOT NULL,
    visits INTEGER NOT NULL,
    PRIMARY KEY (name, tenant)
);
