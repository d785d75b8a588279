"""The tables: their version, migrations and rights."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import psycopg
from psycopg import sql

from footfall.contract.ids import IdTypes
from footfall.errors import SchemaError, SettingsError
from footfall.postgres.statements import compose, fetch_one
from footfall.postgres.target import Connection, Target
from footfall.postgres.transactions import take_writer_lock
from footfall.safe_text import mask
from footfall.statements import read_statements
from footfall.tables import counts
from footfall.tables.ids import find_id_types, guess_id_types, name_types, set_id_types

SQL = read_statements(__name__)

VERSIONS_TABLE = "footfall_migrations"
OPTIONS_TABLE = "footfall_options"
FORGETTING = ("forgotten_users", "forgotten_users_key")


def list_tables() -> tuple[str, ...]:
    """List the names of the tables that the migrations make."""
    of_loads = ("rejected_interactions", "loads", "load_overlaps", "load_duplicates", "operations")
    return (*counts.list_tables(), *of_loads, "source_files", *FORGETTING, OPTIONS_TABLE)


@cache
def list_migrations() -> tuple[tuple[int, str, str], ...]:
    """Give every migration as (version, name, text), in order."""
    folder = files("footfall.tables").joinpath("migrations")
    names = sorted(file.name for file in folder.iterdir() if file.name.endswith(".sql"))
    texts = [folder.joinpath(name).read_text(encoding="utf-8") for name in names]
    return tuple((int(name[:4]), name, text) for name, text in zip(names, texts, strict=True))


def read_schema_version(connection: Connection, target: Target) -> int:
    """Say which migration the tables are at; 0 where there are none.

    Raises: SchemaError where tables of our names are not ours, or come from a later Footfall.
    """
    names = [*list_tables(), VERSIONS_TABLE]
    rows = connection.execute(SQL["tables"], {"schema": target.schema, "names": names}).fetchall()
    found = [row.name for row in rows]
    if VERSIONS_TABLE not in found:
        if found:
            raise SchemaError(
                f"the schema {target.schema!r} already holds {', '.join(found)}, and Footfall did not make them; "
                "it takes nothing over: rename them, or choose another schema with --schema (FOOTFALL_SCHEMA), "
                "and load the files they came from"
            )
        return 0
    versions = connection.execute(SQL["versions"]).fetchall()
    version = max((row.version for row in versions), default=0)
    if version > len(list_migrations()):
        raise SchemaError(f"the tables are at version {version}, made by a later Footfall; upgrade this one")
    missing = sorted(set(list_tables()) - set(found)) if version == len(list_migrations()) else []
    if missing:
        raise SchemaError(
            f"the table {', '.join(missing)} is missing from the schema {target.schema!r}; restore it from a backup"
        )
    return version


def apply_schema(connection: Connection, target: Target, id_types: IdTypes) -> tuple[str, ...]:
    """Create or upgrade the tables, under the writer lock; give the names of what was applied.

    New tables get ids of these types; tables that are there keep their types.

    Effects: idempotent, and safe when several commands do it at once. All of it is in the transaction of the caller.
    Raises: SchemaError where the schema may not be used, or holds names that Footfall did not make.
    """
    take_writer_lock(connection, target)
    if not fetch_one(connection, SQL["has_schema"], schema=target.schema).is_there:
        connection.execute(compose(SQL["create_schema"], schema=sql.Identifier(target.schema)))
    if fetch_one(connection, SQL["creates_in"]).name != target.schema:
        # Without this check, `create table` would make the tables in pg_temp, the last schema of the search_path, and
        # they would vanish with the session.
        raise SchemaError(
            f"the role may not use the schema {target.schema!r}; ask its owner to run `footfall schema apply` "
            "and to grant usage, or choose a schema of your own with --schema (FOOTFALL_SCHEMA)"
        )
    version = read_schema_version(connection, target)
    applied = []
    _assert_functions_are_ours(connection, target)
    if version == 0:
        connection.execute(SQL["create_versions"])
    for number, name, text in list_migrations():
        if number > version:
            try:
                connection.execute(text)
            except (
                psycopg.errors.DependentObjectsStillExist,
                psycopg.errors.DuplicateTable,
                psycopg.errors.FeatureNotSupported,  # foreign keys of others to a table that is emptied
            ) as error:
                raise SchemaError(mask(error.diag.message_primary or str(error))) from error
            connection.execute(SQL["record_version"], {"version": number, "name": name})
            applied.append(name)
    if version == 0:
        set_id_types(connection, id_types)
    _assert_functions_are_ours(connection, target)  # again: another role may have made one meanwhile
    return tuple(applied)


def describe_other_creators(connection: Connection) -> str | None:
    """Say who else may create functions and operators in the schema, and how its owner ends that; None for nobody."""
    creators = connection.execute(SQL["other_creators"]).fetchall()
    if not creators:
        return None
    who = ", ".join("every role" if row.grantee == "public" else row.grantee for row in creators)
    schema, grantees = creators[0].schema, ", ".join(row.grantee for row in creators)
    return (
        f"others may create functions and operators in the schema {schema} ({who}), and the SQL of people who ask "
        f"there may run them; the schema's owner ends that by: revoke create on schema {schema} from {grantees}"
    )


def _assert_functions_are_ours(connection: Connection, target: Target) -> None:
    """Check that nobody else made a function with the name of one of ours, since our views would call that one.

    Raises: SchemaError; the caller's transaction is then rolled back.
    """
    id_types = guess_id_types(connection)
    values = {column: id_types.find_type(column) for column in ("user_id", "product_id")}
    strange = connection.execute(SQL["strange_functions"], values).fetchall()
    if strange:
        raise SchemaError(
            f"the schema {target.schema!r} already holds {', '.join(row.function for row in strange)}, and Footfall "
            "did not make it; drop it, or choose another schema with --schema (FOOTFALL_SCHEMA)"
        )


def assert_current(connection: Connection, target: Target) -> None:
    """Check, under the writer lock, that no other command has upgraded the tables since this one looked.

    A writer of an older Footfall would not fill what the newer tables keep. Raises: SchemaError.
    """
    version = read_schema_version(connection, target)
    if version != len(list_migrations()):
        raise SchemaError(f"the tables are at version {version} now, this Footfall needs {len(list_migrations())}")


def is_ready(version: int) -> bool:
    """Say whether the version of the tables is the one that this Footfall needs."""
    return version == len(list_migrations())


def assert_ready(version: int, target: Target) -> None:
    """Check that the version of the tables is the one that this Footfall needs.

    Raises: SchemaError (exit 6) where they are missing or out of date.
    """
    if version < len(list_migrations()):
        state = "missing" if version == 0 else f"at version {version}, this Footfall needs {len(list_migrations())}"
        raise SchemaError(f"the tables in schema {target.schema!r} are {state}; run `footfall schema apply`")


def grant_read(connection: Connection, target: Target, role: str) -> None:
    """Grant a role the right to read raw rows, counts, roll-ups, views and figures of loads, not the quarantine.

    Raises: SettingsError where the role does not exist; SchemaError where a right cannot be given.
    """
    fillings = {"schema": sql.Identifier(target.schema), "role": sql.Identifier(role), "tables": counts.join_tables()}
    fillings |= name_types(find_id_types(connection))
    try:
        connection.execute(compose(SQL["grant_read"], **fillings))
    except psycopg.errors.UndefinedObject as error:
        raise SettingsError(f"{error.diag.message_primary}; a role is made with `create role NAME login`") from error
    missing = connection.execute(compose(SQL["missing_rights"], names=counts.join_names()), {"role": role}).fetchall()
    if missing:  # PostgreSQL only warns where the grantor lacks the right to grant
        raise SchemaError(
            f"this role may not give {role!r} the right to read {', '.join(row.name for row in missing)}; "
            "ask the owner of the tables to run `footfall schema grant`"
        )
