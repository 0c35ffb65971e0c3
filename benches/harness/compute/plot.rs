//! The matrix and the CPU time of dispatches as a picture, drawn as SVG.

use std::path::Path;

use plotters::{coord::Shift, prelude::*, style::RGBColor};

use super::{
    super::Result,
    Operation,
    report::{CaseRow, CpuRow},
};

const WIDTH: u32 = 1180;
const HEIGHT: u32 = 430;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// A line of a diagram: its name, its colour, whether it is another program's, and its points.
struct Line {
    name: String,
    color: RGBColor,
    dotted: bool,
    points: Vec<(f64, f64)>,
}

/// Colours that people with any eyes tell apart (Okabe and Ito's).
const COLORS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(230, 159, 0),
];

/// Three diagrams beside each other: bandwidth, products of matrices, CPU.
pub(crate) fn write(path: &Path, machine: &str, cpu: &[CpuRow], cases: &[CaseRow]) -> Result {
    let root = SVGBackend::new(path, (WIDTH, HEIGHT)).into_drawing_area();
    root.fill(&WHITE).map_err(failed)?;
    let root = root.titled(machine, ("sans-serif", 13)).map_err(failed)?;
    let parts = root.split_evenly((1, 3));
    diagram(&parts[0], "GB/s by MiB of a vector", &bandwidth(cases), true)?;
    diagram(&parts[1], "TFLOP/s by rows of a matrix", &products(cases), false)?;
    diagram(&parts[2], "CPU us a dispatch of 64 KiB by batch", &processor(cpu), true)?;
    root.present().map_err(failed)
}

fn failed(error: impl std::fmt::Display) -> super::super::Error {
    format!("the plot: {error}").into()
}

/// The largest batch of each operation that moves bytes, and what it is held against.
fn bandwidth(cases: &[CaseRow]) -> Vec<Line> {
    let of = [Operation::Saxpy, Operation::Reduce, Operation::Scan];
    of.into_iter().zip(COLORS).flat_map(|(operation, color)| by_size(cases, operation, 16, color)).collect()
}

fn products(cases: &[CaseRow]) -> Vec<Line> {
    let [other, ours] = by_size(cases, Operation::Gemm, 1, COLORS[3]);
    let [_, emulated] = by_size(cases, Operation::Emulated, 1, COLORS[1]);
    vec![other, ours, emulated]
}

/// Ours and the other's.
fn by_size(cases: &[CaseRow], operation: Operation, batch: usize, color: RGBColor) -> [Line; 2] {
    let of = |batch: usize| cases.iter().filter(move |row| row.case.operation == operation && row.case.batch == batch);
    let at = |row: &CaseRow| match operation {
        Operation::Gemm | Operation::Emulated => row.case.side() as f64,
        _ => row.case.elements as f64 / f64::from(1 << 18),
    };
    let ours = of(batch).map(|row| (at(row), row.case.rate(row.gpu))).collect();
    // Those of one at a time, where the other program knows no batches.
    let others = [batch, 1].map(|batch| of(batch).filter_map(|row| Some((at(row), row.against?))).collect::<Vec<_>>());
    let others = others.into_iter().find(|points| !points.is_empty()).unwrap_or_default();
    let name = format!("{} x{batch}", operation.name());
    [
        Line { name: format!("{}, CUDA", operation.name()), color, dotted: true, points: others },
        Line { name, color, dotted: false, points: ours },
    ]
}

fn processor(cpu: &[CpuRow]) -> Vec<Line> {
    let rows: Vec<_> =
        cpu.iter().filter(|row| row.runtime.starts_with("multi-threaded") && row.runtime.ends_with("20µs")).collect();
    let mut names: Vec<_> = rows.iter().map(|row| row.technique).collect();
    names.sort_unstable();
    names.dedup();
    let points = |name: &str| {
        rows.iter().filter(|row| row.technique == name).map(|row| (row.batch as f64, row.micros[2])).collect()
    };
    let named = names.into_iter().zip(COLORS);
    named
        .map(|(name, color)| Line {
            name: name.into(),
            color,
            dotted: name.starts_with("by hand"),
            points: points(name),
        })
        .collect()
}

/// Both axes are logarithmic, but for the upright one of products.
fn diagram(area: &Area<'_>, title: &str, lines: &[Line], logarithmic: bool) -> Result {
    let points: Vec<_> = lines.iter().flat_map(|line| line.points.iter().copied()).collect();
    let least = |values: &mut dyn Iterator<Item = f64>| values.fold(f64::INFINITY, f64::min);
    let most = |values: &mut dyn Iterator<Item = f64>| values.fold(0.0, f64::max);
    let x = least(&mut points.iter().map(|point| point.0))..most(&mut points.iter().map(|point| point.0)) * 1.3;
    let y = least(&mut points.iter().map(|point| point.1)) * 0.5..most(&mut points.iter().map(|point| point.1)) * 1.6;
    if points.is_empty() {
        return Ok(());
    }
    let mut builder = ChartBuilder::on(area);
    builder.caption(title, ("sans-serif", 15)).margin(10).x_label_area_size(28).y_label_area_size(52);
    let count = |value: &f64| if *value < 10.0 { format!("{value:.2}") } else { format!("{value:.0}") };
    if logarithmic {
        let mut chart = builder.build_cartesian_2d(x.log_scale(), y.log_scale()).map_err(failed)?;
        chart
            .configure_mesh()
            .light_line_style(WHITE)
            .bold_line_style(BLACK.mix(0.1))
            .x_label_formatter(&count)
            .y_label_formatter(&count)
            .draw()
            .map_err(failed)?;
        draw(&mut chart, lines)
    } else {
        let mut chart = builder.build_cartesian_2d(x.log_scale(), 0.0..y.end * 0.75).map_err(failed)?;
        chart
            .configure_mesh()
            .light_line_style(WHITE)
            .bold_line_style(BLACK.mix(0.1))
            .x_label_formatter(&count)
            .y_label_formatter(&count)
            .draw()
            .map_err(failed)?;
        draw(&mut chart, lines)
    }
}

fn draw<'a, C>(chart: &mut ChartContext<'a, SVGBackend<'a>, C>, lines: &[Line]) -> Result
where
    C: CoordTranslate<From = (f64, f64)>,
{
    for line in lines.iter().filter(|line| !line.points.is_empty()) {
        let style = line.color.stroke_width(2);
        let dots = line.points.iter().map(|&point| Circle::new(point, 3, line.color.filled()));
        chart.draw_series(dots).map_err(failed)?;
        let (color, dotted) = (line.color, line.dotted);
        let drawn = if dotted {
            chart.draw_series(DashedLineSeries::new(line.points.iter().copied(), 4, 4, style)).map_err(failed)?
        } else {
            chart.draw_series(LineSeries::new(line.points.iter().copied(), style)).map_err(failed)?
        };
        let width = if dotted { 1 } else { 3 };
        drawn
            .label(&line.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], color.stroke_width(width)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerRight)
        .background_style(WHITE.mix(0.8))
        .label_font(("sans-serif", 11))
        .draw()
        .map_err(failed)
}
