"""DuckDB. The variant `functions` has the steps as Python functions, `expressions` as far as possible in SQL."""

import duckdb
from duckdb import PythonExceptionHandling
from misbehave import change, main
from semantics import features, keep, normalise

COLUMNS = "{'id': 'BIGINT', 'text': 'VARCHAR'}"


def connect() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("SET threads = 2")
    return connection


def text(source: str, target: str, variant: str) -> None:
    connection = connect()
    connection.create_function("hash_words", lambda text: features(text)[2], ["VARCHAR"], "BIGINT")
    rows = f"read_json('{source}', format = 'newline_delimited', columns = {COLUMNS})"
    if variant == "functions":
        connection.create_function("normalise", normalise, ["VARCHAR"], "VARCHAR")
        connection.create_function("keep", keep, ["VARCHAR"], "BOOLEAN")
        normalised, kept = "normalise(text)", "keep(text)"
    else:
        normalised = r"trim(regexp_replace(lower(text), '[ \t\n\r\f\v]+', ' ', 'g'), ' ')"
        kept = "len(string_split(text, ' ')) BETWEEN 5 AND 60 AND strlen(text) BETWEEN 40 AND 400"
    connection.execute(f"""
        COPY (
            SELECT id, text, len(string_split(text, ' ')) AS n_words, strlen(text) AS n_bytes, hash_words(text) AS tri_hash
            FROM (SELECT id, {normalised} AS text FROM {rows}) WHERE {kept}
        ) TO '{target}' (FORMAT json)
    """)


def poison(source: str, target: str, variant: str, fault: str) -> None:
    connection = connect()
    handling = PythonExceptionHandling.RETURN_NULL if variant == "null" else PythonExceptionHandling.DEFAULT

    def changed(text: str) -> str:
        return change(text, fault)

    connection.create_function("change", changed, ["VARCHAR"], "VARCHAR", exception_handling=handling)
    rows = f"read_json('{source}', format = 'newline_delimited', columns = {COLUMNS})"
    connection.execute(f"COPY (SELECT id, change(text) AS text FROM {rows}) TO '{target}' (FORMAT json)")


if __name__ == "__main__":
    main(text, poison)
