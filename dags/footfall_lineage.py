"""Tell OpenLineage what a load read and wrote, where its provider is installed and has somewhere to send events to.

The provider sees Python in our tasks and no dataset in it; its public interface takes the datasets from the task.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

if TYPE_CHECKING:
    from openlineage.client.event_v2 import InputDataset, OutputDataset

    from footfall import LoadResult, LoadSummary

# The tables that hold counts; a test compares them with those of the database.
COUNTS = (
    "interactions",
    "interactions_per_quarter_hour",
    "interactions_per_user",
    "interactions_per_product",
)


def tell(summary: LoadSummary, database_url: str) -> None:
    """Send what became of the one file of a load.

    Effects: an event; one that cannot be sent is a warning in the task's log.
    """
    try:
        from airflow.providers.openlineage.api import emit_dataset_lineage, is_openlineage_active
    except ImportError:  # the DAG runs without the provider, too
        return
    if is_openlineage_active():
        (result,) = summary.loads
        outputs = tables(summary, database_url) if result.status == "loaded" else []
        emit_dataset_lineage(inputs=[source(result)], outputs=outputs)


def source(result: LoadResult) -> InputDataset:
    """Give the file: its digest as its version, its rows, and an assertion for each code of a problem."""
    from openlineage.client.event_v2 import InputDataset
    from openlineage.client.facet_v2 import (
        data_quality_assertions_dataset,
        data_quality_metrics_input_dataset,
        dataset_version_dataset,
        input_statistics_input_dataset,
    )

    namespace, name = source_name(result.source)
    version = {"version": dataset_version_dataset.DatasetVersionDatasetFacet(result.digest)} if result.digest else {}
    found = {
        "dataQualityAssertions": data_quality_assertions_dataset.DataQualityAssertionsDatasetFacet(
            [data_quality_assertions_dataset.Assertion(**words) for words in assertions(result)]
        )
    }
    if result.status == "loaded":
        found["dataQualityMetrics"] = data_quality_metrics_input_dataset.DataQualityMetricsInputDatasetFacet(
            columnMetrics={}, rowCount=result.rows_read, fileCount=1
        )
        found["inputStatistics"] = input_statistics_input_dataset.InputStatisticsInputDatasetFacet(
            rowCount=result.rows_read, fileCount=1
        )
    return InputDataset(namespace, name, facets=version, inputFacets=found)


def assertions(result: LoadResult) -> list[dict[str, Any]]:
    """Give what was asserted of the file: that it can be loaded, and of each code that no row has that problem.

    Rows that the source definition skips are counted, and no fault.

    Units: `actual` is a number of rows. A row with two problems stands under both codes.
    """
    from footfall import PROBLEM_CODES

    loadable = {"assertion": "loadable", "success": result.status != "failed", "severity": "error"}
    if result.status != "loaded":
        return [loadable]
    groups = [(group.code, group.field, group.rows) for group in result.groups]
    clean = [(code, None, 0) for code in PROBLEM_CODES if code not in {code for code, _, _ in groups}]
    skipped = {"assertion": "skipped", "success": True, "severity": "warn", "actual": str(result.rows_skipped)}
    return [
        loadable,
        *([skipped] if result.rows_skipped else []),
        *(
            {"assertion": code, "column": field, "success": not rows, "severity": "warn"}
            | {"expected": "0", "actual": str(rows)}
            for code, field, rows in [("duplicate", None, result.rows_duplicate), *groups, *clean]
        ),
    ]


def tables(summary: LoadSummary, database_url: str) -> list[OutputDataset]:
    """Give the tables that a load writes; with a number of rows where it adds rows and changes none."""
    from openlineage.client.event_v2 import OutputDataset
    from openlineage.client.facet_v2 import output_statistics_output_dataset

    added = {
        "user_interactions_raw": summary.rows_loaded,
        "rejected_interactions": summary.rows_rejected,
        "loads": 1,
        **dict.fromkeys(COUNTS),
    }
    namespace, prefix = table_names(summary, database_url)
    return [
        OutputDataset(
            namespace,
            f"{prefix}.{table}",
            outputFacets={}
            if rows is None
            else {"outputStatistics": output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(rows)},
        )
        for table, rows in added.items()
    ]


def source_name(source: str) -> tuple[str, str]:
    """Give namespace and name of a file or a URL, as OpenLineage spells them.

    Example:
        >>> source_name("s3://bucket/2024/a.csv")
        ('s3://bucket', '2024/a.csv')
    """
    if "://" not in source:
        return "file", str(Path(source).absolute())
    scheme, place, path, *_ = urlsplit(source)
    return f"{scheme}://{place.rpartition('@')[2]}", path.lstrip("/")


def table_names(summary: LoadSummary, database_url: str) -> tuple[str, str]:
    """Give namespace and prefix of the tables, as OpenLineage spells them: a socket's folder as libpq does in a URI."""
    from psycopg.conninfo import conninfo_to_dict

    words = conninfo_to_dict(database_url)
    host, port = quote(str(words.get("host", "localhost")), safe=".:,[]"), words.get("port", 5432)
    return f"postgres://{host}:{port}", f"{words.get('dbname', 'postgres')}.{summary.schema}"
