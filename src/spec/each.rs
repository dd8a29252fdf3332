//! `each`: one entry of a spec, several checks.

use crate::diagnostic::Diagnostic;
use crate::source::Located;
use crate::yaml::{Context, Kind, Node};

/// More checks than this from one entry are a slip.
const MAX_ROWS: usize = 10_000;
/// Nobody needs as many.
const MAX_VARIABLES: usize = 100;

/// The values of the variables for one check.
pub(super) type Row<'n> = Vec<(Located<String>, &'n Node)>;

/// Reads `each`: a map of lists, every combination of which is a row, or a list of maps, each of
/// which is one. Never gives an empty list.
pub(super) fn rows<'n>(node: &'n Node, context: &mut Context) -> Option<Vec<Row<'n>>> {
    let rows = match &node.kind {
        Kind::Mapping(entries) => combinations(node, entries, context)?,
        Kind::Sequence(items) => {
            if items.len() > MAX_ROWS {
                return too_many_rows(node, context);
            }
            let rows: Vec<Option<Row>> = items.iter().map(|item| row(item, context)).collect();
            rows.into_iter().collect::<Option<_>>()?
        }
        Kind::Scalar { .. } => {
            return context.mismatch(node, "a map of lists or a list of maps");
        }
    };
    if rows.is_empty() || rows.iter().any(Vec::is_empty) {
        context.report(
            Diagnostic::new(&node.place, "`each` makes no check of this")
                .help("name a variable and its values, such as `each: {tool: [samtools, bwa]}`"),
        );
        return None;
    }
    Some(rows)
}

fn too_many_rows<T>(node: &Node, context: &mut Context) -> Option<T> {
    let message = format!("`each` makes more than {MAX_ROWS} checks of this");
    context.report(Diagnostic::new(&node.place, message));
    None
}

fn few_variables(node: &Node, entries: &[(Node, Node)], context: &mut Context) -> Option<()> {
    if entries.len() <= MAX_VARIABLES {
        return Some(());
    }
    let message = format!("`each` has more than {MAX_VARIABLES} variables here");
    context.report(Diagnostic::new(&node.place, message));
    None
}

fn combinations<'n>(
    node: &Node,
    entries: &'n [(Node, Node)],
    context: &mut Context,
) -> Option<Vec<Row<'n>>> {
    few_variables(node, entries, context)?;
    let mut rows: Vec<Row<'n>> = vec![Vec::new()];
    for (key, values) in entries {
        let name = variable(key, context)?;
        let values = match &values.kind {
            Kind::Sequence(values) => values.as_slice(),
            Kind::Scalar { .. } if !values.is_null() => std::slice::from_ref(values),
            _ => return context.mismatch(values, "a list of values"),
        };
        if rows.len().saturating_mul(values.len()) > MAX_ROWS {
            return too_many_rows(node, context);
        }
        rows = rows
            .iter()
            .flat_map(|row| {
                values.iter().map(|value| {
                    let mut row = row.clone();
                    row.push((name.clone(), value));
                    row
                })
            })
            .collect();
    }
    Some(rows)
}

fn row<'n>(node: &'n Node, context: &mut Context) -> Option<Row<'n>> {
    let Kind::Mapping(entries) = &node.kind else {
        return context.mismatch(node, "a map of variables and their values");
    };
    few_variables(node, entries, context)?;
    let row: Vec<Option<_>> = entries
        .iter()
        .map(|(key, value)| Some((variable(key, context)?, value)))
        .collect();
    row.into_iter().collect()
}

fn variable(key: &Node, context: &mut Context) -> Option<Located<String>> {
    let name = key.scalar().unwrap_or_default();
    let is_inner = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    if name.starts_with(|c: char| c.is_alphabetic() || c == '_') && name.chars().all(is_inner) {
        return Some(Located::new(name.to_owned(), key.place.clone()));
    }
    context.report(
        Diagnostic::new(
            &key.place,
            format!("`{name}` can't be the name of a variable"),
        )
        .help("names are made of letters, digits, _ and -, and begin with a letter"),
    );
    None
}
