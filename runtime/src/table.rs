//! Aligned columns of text, for people; programs read JSON.

use std::fmt;

use crate::text;

/// A table: columns of numbers are aligned right, others left, two spaces apart.
#[derive(Debug, Clone, Default)]
pub struct Table {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with a line of column titles.
    pub fn new<T: Into<String>>(header: impl IntoIterator<Item = T>) -> Self {
        Self { header: header.into_iter().map(Into::into).collect(), rows: Vec::new() }
    }

    /// Adds a row; what could not be seen in a cell is escaped. Cells without a title make a column of their own; missing cells are empty.
    pub fn row<T: Into<String>>(&mut self, cells: impl IntoIterator<Item = T>) -> &mut Self {
        let cell = |cell: T| text::visible(&cell.into()).into_owned();
        self.rows.push(cells.into_iter().map(cell).collect());
        self
    }

    /// As Markdown.
    pub fn markdown(&self) -> String {
        let line = |cells: &Vec<String>| {
            let cells: Vec<String> = cells.iter().map(|cell| text::markdown(cell)).collect();
            format!("| {} |\n", cells.join(" | "))
        };
        let rule = format!("|{}\n", "---|".repeat(self.header.len()));
        std::iter::once(line(&self.header) + &rule).chain(self.rows.iter().map(line)).collect()
    }

    fn lines(&self) -> impl Iterator<Item = &Vec<String>> {
        std::iter::once(&self.header).chain(&self.rows)
    }

    fn width(&self, column: usize) -> usize {
        let cells = self.lines().filter_map(|line| line.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    }

    fn is_numeric(&self, column: usize) -> bool {
        let mut cells =
            self.rows.iter().filter_map(|row| row.get(column)).filter(|cell| !cell.is_empty()).peekable();
        cells.peek().is_some()
            && cells.all(|cell| cell.trim_end_matches('%').replace(',', "").parse::<f64>().is_ok())
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.lines().map(Vec::len).max().unwrap_or(0);
        let form: Vec<(usize, bool)> = (0..columns).map(|c| (self.width(c), self.is_numeric(c))).collect();
        for line in self.lines() {
            let mut text = String::new();
            for (column, &(width, numeric)) in form.iter().enumerate() {
                let cell = line.get(column).map_or("", String::as_str);
                text += &if numeric { format!("{cell:>width$}  ") } else { format!("{cell:<width$}  ") };
            }
            writeln!(f, "{}", text.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let mut table = Table::new(["layer", "MACs", "part"]);
        table.row(["conv", "1,200", "99.0%"]).row(["größe", "7", ""]).row(["x"]);
        assert_eq!(table.to_string(), "layer   MACs   part\nconv   1,200  99.0%\ngröße      7\nx\n");
        assert_eq!(Table::default().to_string(), "\n");
        let markdown =
            "| layer | MACs | part |\n|---|---|---|\n| conv | 1,200 | 99.0% |\n| größe | 7 |  |\n| x |\n";
        assert_eq!(table.markdown(), markdown);
        let odd = Table::new(["name"]).row(["a|b\nc"]).clone();
        assert_eq!(
            (odd.to_string(), odd.markdown()),
            ("name\na|b\\u{a}c\n".into(), "| name |\n|---|\n| a\\|b\\\\u{a}c |\n".into())
        );
    }
}
