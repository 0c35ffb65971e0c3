//! What is written over the picture: figures, messages, keys.

use std::time::Duration;

use vulkio::{Frame, window::Event};

use crate::output::Failure;

/// What there is to write.
pub(crate) struct Lines {
    pub(crate) figures: Vec<(&'static str, String)>,
    pub(crate) messages: Vec<String>,
    /// Whether the keys are listed.
    pub(crate) help: bool,
}

#[cfg(feature = "egui")]
pub(crate) use over_the_picture::Panel;
#[cfg(not(feature = "egui"))]
pub(crate) use without_egui::Panel;

#[cfg(feature = "egui")]
mod over_the_picture {
    use vulkio::{
        ash::vk,
        overlay::{
            Input, Overlay,
            egui::{self, Align2, Color32, Context, Frame as Border, Grid, RichText},
        },
        window::App,
    };

    use super::*;
    use crate::window::keys;

    /// The picture shows through.
    const BEHIND: Color32 = Color32::from_black_alpha(170);
    const FROM_EDGE: [f32; 2] = [12.0, 12.0];

    /// egui, drawn over the picture.
    pub(crate) struct Panel {
        overlay: Overlay,
        input: Input,
    }

    impl Panel {
        pub(crate) async fn new(app: &App) -> Result<Self, Failure> {
            let overlay = Overlay::new(app.gpu(), vk::Format::R8G8B8A8_SRGB).await?;
            overlay.context().set_visuals(egui::Visuals::dark());
            let input = Input::new(&overlay, app.window());
            Ok(Self { overlay, input })
        }

        /// The panel is only looked at: it takes no event from the scene, not even Tab, which egui would.
        pub(crate) fn note(&mut self, event: &Event) {
            if let Event::Window { event, .. } = event {
                self.input.on_event(event);
            }
        }

        /// Draws over a frame. How soon it wants to be drawn again.
        pub(crate) fn draw(&mut self, frame: &Frame, lines: Option<&Lines>) -> Result<Duration, Failure> {
            let input = self.input.take();
            let Some(lines) = lines else { return Ok(Duration::MAX) };
            let asked = self.overlay.run(frame, input, |context| write(context, lines))?;
            self.input.apply(asked.platform);
            Ok(asked.repaint_after)
        }
    }

    fn write(context: &Context, lines: &Lines) {
        area(context, "figures", Align2::LEFT_TOP, |ui| {
            rows(ui, "figures", lines.figures.iter().map(|(name, value)| (*name, value.as_str())));
        });
        if !lines.messages.is_empty() {
            area(context, "messages", Align2::LEFT_BOTTOM, |ui| {
                for message in &lines.messages {
                    ui.label(RichText::new(message).color(Color32::WHITE));
                }
            });
        }
        if lines.help {
            area(context, "keys", Align2::RIGHT_TOP, |ui| rows(ui, "keys", keys::help()));
        }
    }

    fn area(context: &Context, name: &'static str, at: Align2, show: impl FnOnce(&mut egui::Ui)) {
        let [x, y] = FROM_EDGE;
        let sign = |along: egui::Align| if along == egui::Align::Max { -1.0 } else { 1.0 };
        let area = egui::Area::new(name.into()).anchor(at, [x * sign(at.x()), y * sign(at.y())]).interactable(false);
        area.show(context, |ui| {
            // As wide as what is written.
            ui.style_mut().wrap_mode = Some(egui::TextWrapMode::Extend);
            Border::new().fill(BEHIND).corner_radius(4).inner_margin(8).show(ui, show)
        });
    }

    fn rows<'a>(ui: &mut egui::Ui, name: &str, rows: impl Iterator<Item = (&'a str, &'a str)>) {
        Grid::new(name).num_columns(2).spacing([16.0, 2.0]).show(ui, |ui| {
            for (name, value) in rows {
                ui.label(RichText::new(name).color(Color32::LIGHT_GRAY));
                ui.label(RichText::new(value).monospace().color(Color32::WHITE));
                ui.end_row();
            }
        });
    }
}

#[cfg(not(feature = "egui"))]
mod without_egui {
    use std::{sync::Arc, time::Instant};

    use vulkio::window::{App, winit::window::Window};

    use super::*;
    use crate::window::keys;

    /// How often the title changes.
    const PACE: Duration = Duration::from_millis(500);

    /// The first figures in the title bar, the rest on the standard output.
    pub(crate) struct Panel {
        window: Arc<Window>,
        title: String,
        next: Instant,
        helped: bool,
    }

    impl Panel {
        pub(crate) async fn new(app: &App) -> Result<Self, Failure> {
            let (window, title) = (Arc::clone(app.window()), app.config().window.title.clone());
            Ok(Self { window, title, next: Instant::now(), helped: false })
        }

        pub(crate) fn note(&mut self, _: &Event) {}

        pub(crate) fn draw(&mut self, _: &Frame, lines: Option<&Lines>) -> Result<Duration, Failure> {
            let help = lines.is_some_and(|lines| lines.help);
            if help && !self.helped {
                keys::help().for_each(|(key, what)| println!("{key:<14}{what}"));
            }
            self.helped = help;
            let now = Instant::now();
            if let Some(lines) = lines.filter(|_| self.next <= now) {
                let figures: Vec<_> =
                    lines.figures.iter().take(3).map(|(name, value)| format!("{name} {value}")).collect();
                let last = lines.messages.last().map(String::as_str);
                let parts = [Some(self.title.as_str()), Some(&figures.join(", ")), last];
                self.window.set_title(&parts.into_iter().flatten().collect::<Vec<_>>().join(" - "));
                self.next = now + PACE;
            }
            Ok(Duration::MAX)
        }
    }
}
