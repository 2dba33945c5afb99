/* The types of PostgreSQL that EISO uses (src/include/catalog/pg_type.dat; they never change). */
#ifndef DB_OIDS_H
#define DB_OIDS_H

enum {
    OID_BOOL = 16,
    OID_BYTEA = 17,
    OID_NAME = 19,
    OID_INT8 = 20,
    OID_INT2 = 21,
    OID_INT4 = 23,
    OID_TEXT = 25,
    OID_OID = 26,
    OID_JSON = 114,
    OID_TEXT_ARRAY = 1009,
    OID_VARCHAR = 1043,
    OID_DATE = 1082,
    OID_TIMESTAMPTZ = 1184,
    OID_UUID = 2950,
    OID_UUID_ARRAY = 2951,
    OID_JSONB = 3802,
    OID_XID8 = 5069
};

#endif
