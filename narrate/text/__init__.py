"""BRICK: how written text is split and said. One rule per file, chained here. Pure: no files, no clocks."""
