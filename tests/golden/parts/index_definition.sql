case
    when i.indisprimary then 'PRIMARY KEY '
    when i.indisunique then 'UNIQUE '
    else ''
end || pg_catalog.substr(
    pg_catalog.pg_get_indexdef(i.indexrelid),
    pg_catalog.length(
        pg_catalog.format(
            'CREATE %sINDEX %I ON %I.%I USING ',
            case when i.indisunique then 'UNIQUE ' end, x.relname, t.nspname, t.relname
        )
    ) + 1
)
