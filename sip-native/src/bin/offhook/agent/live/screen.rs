//! The desk on a terminal.

use std::time::Instant;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Position};
use ratatui::style::{Color, Modifier, Style, Stylize};
use ratatui::text::{Line as Text, Span};
use ratatui::widgets::{Cell, Paragraph, Row, Table};

use super::desk::{Desk, Line, Tone};
use crate::print::clock;

const HINTS: &str = "↑↓ choose   Enter answer   Esc hang up   F2 hold, resume   help   quit";

/// Draws everything.
pub(super) fn draw(frame: &mut Frame<'_>, desk: &Desk, typed: &str, now: Instant) {
    let calls = u16::try_from(desk.calls.len()).unwrap_or(u16::MAX).clamp(1, 10) + 1;
    let rows = [
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Length(calls),
        Constraint::Length(1),
        Constraint::Min(1),
        Constraint::Length(1),
        Constraint::Length(1),
    ];
    let [title, _, list, _, log, input, hints] = Layout::vertical(rows).areas(frame.area());
    let good = desk.registration.starts_with("registered");
    let registration =
        Span::styled(desk.registration.as_str(), Style::new().fg(if good { Color::Green } else { Color::Yellow }));
    let line = Text::from(vec![
        Span::from(" offhook ").bold(),
        Span::from(format!(" {}   ", desk.aor)),
        registration,
        Span::from(format!("   {}", desk.transport)).dim(),
    ]);
    frame.render_widget(Paragraph::new(line).style(Style::new().add_modifier(Modifier::REVERSED)), title);

    if desk.calls.is_empty() {
        frame.render_widget(Paragraph::new("no calls: call TARGET").dim(), list);
    } else {
        let rows = desk.calls.iter().map(|line| row(line, Some(line.call) == desk.chosen, now));
        let widths = [Constraint::Length(5), Constraint::Min(20), Constraint::Length(24), Constraint::Length(8)];
        let head = Row::new(["  #", "with", "state", "time"]).style(Style::new().add_modifier(Modifier::DIM));
        frame.render_widget(Table::new(rows, widths).header(head), list);
    }

    let room = usize::from(log.height);
    let last = desk.log.iter().skip(desk.log.len().saturating_sub(room));
    let lines: Vec<Text<'_>> = last
        .map(|said| {
            let style = match said.tone {
                Tone::Plain => Style::new(),
                Tone::Good => Style::new().fg(Color::Green),
                Tone::Bad => Style::new().fg(Color::Red),
                Tone::Own => Style::new().fg(Color::Cyan),
            };
            let time = Span::from(format!("{:>7}  ", clock(said.at))).dim();
            Text::from(vec![time, Span::styled(said.words.as_str(), style)])
        })
        .collect();
    frame.render_widget(Paragraph::new(lines), log);

    // Of what is long the end is seen.
    let width = usize::from(input.width.saturating_sub(3));
    let seen: String = typed.chars().skip(typed.chars().count().saturating_sub(width)).collect();
    let column = u16::try_from(seen.chars().count()).unwrap_or(0).saturating_add(2);
    frame.render_widget(Paragraph::new(Text::from(vec![Span::from("> ").bold(), Span::from(seen)])), input);
    frame.set_cursor_position(Position::new(input.x.saturating_add(column), input.y));
    frame.render_widget(Paragraph::new(HINTS).dim(), hints);
}

fn row(line: &Line, chosen: bool, now: Instant) -> Row<'static> {
    let colour = match &*line.state {
        "established" => Color::Green,
        "ringing" | "calling" | "proceeding" => Color::Yellow,
        _ => Color::Reset,
    };
    let way = if line.incoming { "from" } else { "to" };
    let mark = if chosen { ">" } else { " " };
    let row = Row::new(vec![
        Cell::from(format!("{mark} {}", line.call)),
        Cell::from(format!("{way} {}", line.who)),
        Cell::from(Span::styled(line.shown(), Style::new().fg(colour))),
        Cell::from(line.time(now)),
    ]);
    if chosen { row.style(Style::new().add_modifier(Modifier::BOLD)) } else { row }
}
