CREATE TABLE visitor (
    name TEXT NOT NULL,
    tenant UUID NOT NULL,
    visits BIGINT NOT NULL,
    PRIMARY KEY (name, tenant)
);
