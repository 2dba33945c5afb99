-- A service's database and its roles: owner (migrate, jobs, rebuild), rw (api, apply, relay, push), ro (people).
\connect postgres
SELECT format('CREATE ROLE %I LOGIN', role)
  FROM unnest(ARRAY['@service@_owner', '@service@_rw', '@service@_ro']) role
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) \gexec
SELECT 'CREATE DATABASE @service@' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '@service@') \gexec
REVOKE ALL ON DATABASE @service@ FROM PUBLIC;
GRANT CONNECT ON DATABASE @service@ TO @service@_owner, @service@_rw, @service@_ro;
GRANT CREATE, TEMPORARY ON DATABASE @service@ TO @service@_owner; -- a rebuild fills a schema of its own
ALTER ROLE @service@_owner IN DATABASE @service@ SET search_path = @service@;
ALTER ROLE @service@_rw IN DATABASE @service@ SET search_path = @service@;
ALTER ROLE @service@_ro IN DATABASE @service@ SET search_path = @service@;
-- A generic plan made while a table was empty stays: it must be one by index.
ALTER ROLE @service@_rw IN DATABASE @service@ SET plan_cache_mode = force_generic_plan;
ALTER ROLE @service@_rw IN DATABASE @service@ SET enable_seqscan = off;
ALTER ROLE @service@_rw IN DATABASE @service@ SET max_parallel_workers_per_gather = 0; -- a worker costs more than what is looked up
ALTER ROLE @service@_rw IN DATABASE @service@ SET statement_timeout = '30s';
ALTER ROLE @service@_rw IN DATABASE @service@ SET idle_in_transaction_session_timeout = '60s';
ALTER ROLE @service@_ro IN DATABASE @service@ SET default_transaction_read_only = on;

\connect @service@
REVOKE ALL ON SCHEMA public FROM PUBLIC;
SELECT 'CREATE SCHEMA @service@ AUTHORIZATION @service@_owner'
 WHERE NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = '@service@') \gexec
GRANT USAGE ON SCHEMA @service@ TO @service@_rw, @service@_ro;
-- Whatever the owner makes from here on, in whichever schema.
ALTER DEFAULT PRIVILEGES FOR ROLE @service@_owner GRANT USAGE ON SCHEMAS TO @service@_rw, @service@_ro;
ALTER DEFAULT PRIVILEGES FOR ROLE @service@_owner GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO @service@_rw;
ALTER DEFAULT PRIVILEGES FOR ROLE @service@_owner GRANT SELECT ON TABLES TO @service@_ro;
ALTER DEFAULT PRIVILEGES FOR ROLE @service@_owner GRANT USAGE ON SEQUENCES TO @service@_rw;
ALTER DEFAULT PRIVILEGES FOR ROLE @service@_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE @service@_owner GRANT EXECUTE ON FUNCTIONS TO @service@_rw;
