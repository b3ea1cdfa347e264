//! Comparing text that stands in a test.

/// Compares with text written in the test: common indentation, the first and last empty line, and spaces at the ends of
/// lines do not count. Says what it is in full if it differs, ready to be pasted.
#[track_caller]
pub fn expect(actual: &str, expected: &str) {
    let (actual, expected) = (dedent(actual), dedent(expected));
    assert!(actual == expected, "expected\n\n{expected}\n\nbut it is\n\n{actual}\n");
}

fn dedent(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let from = lines.iter().position(|line| !line.is_empty()).unwrap_or(0);
    let to = lines.iter().rposition(|line| !line.is_empty()).map_or(0, |last| last + 1);
    let lines = lines.get(from..to).unwrap_or_default();
    let indents = lines.iter().filter(|line| !line.is_empty()).map(|line| line.len() - line.trim_start().len());
    let indent = indents.min().unwrap_or(0);
    lines.iter().map(|line| line.get(indent..).unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indentation_of_the_whole_does_not_count_but_that_of_a_line_does() {
        expect("a\n  b  \n\nc", "\n    a\n      b\n\n    c\n    ");
        assert_ne!(dedent("a\n b"), dedent("a\nb"));
    }
}
