//! What keys ask for, and what comes of it.

use vulkio::{
    Cubes, RasterPath, ViewOptions,
    window::{
        Vsync,
        winit::window::{CursorGrabMode, Fullscreen},
    },
};

use super::{keys::Command, news::News, pose::Pose, show::Show, stage::Stage};
use crate::table::grouped;

impl Show {
    pub(super) fn obey(&mut self, command: Command) {
        match command {
            Command::Close => self.closed = true,
            Command::Pause => self.paused = !self.paused,
            Command::Home => {
                self.pose = Pose::around(self.stage.cubes.bounds(), self.args.seed);
                self.paused = false;
            }
            Command::Path => self.switch_path(),
            Command::LevelOfDetail => self.draw_with(|options| options.lod(!options.lod)),
            Command::More => self.load(self.stage.cubes.count().saturating_mul(10)),
            Command::Fewer => self.load(self.stage.cubes.count() / 10),
            Command::Freeze => self.freeze(),
            Command::Picture => self.picture = true,
            Command::Overlay => self.overlay = !self.overlay,
            Command::Help => {
                self.help = !self.help;
                self.overlay |= self.help;
            }
            Command::Vsync => self.switch_vsync(),
            Command::Fullscreen => {
                let window = self.app.window();
                let covers = window.fullscreen().is_none().then_some(Fullscreen::Borderless(None));
                window.set_fullscreen(covers);
            }
            Command::Grab => self.input.toggle_grab(),
        }
    }
    /// What was started before is done.
    pub(super) fn learn(&mut self, news: News) {
        self.dirty = true;
        match news {
            News::Loaded(loaded) => {
                self.busy.loading = false;
                match loaded {
                    Ok((cubes, wave)) => {
                        self.messages.say(format!("{} cubes", grouped(cubes.count() as u64)));
                        let options = self.stage.wanted();
                        self.stage = Stage::new(cubes, wave, options);
                        self.frozen = None;
                    }
                    Err(failure) => self.messages.say(format!("not loaded: {failure}")),
                }
            }
            News::Frozen(frozen) => {
                self.busy.freezing = false;
                match frozen {
                    Ok(frozen) => {
                        let shown = grouped(frozen.shown() as u64);
                        self.messages.say(format!("frozen: {shown} cubes survived culling; F shows all again"));
                        self.frozen = Some(frozen);
                    }
                    Err(failure) => self.messages.say(format!("not frozen: {failure}")),
                }
            }
            News::Picked { frozen, id } => self.messages.say(match id {
                Ok(Some(id)) => {
                    match self.frozen.as_ref().filter(|_| frozen).map_or(Some(id.0), |all| all.original(id.0)) {
                        Some(id) => format!("cube {id}"),
                        None => "a mark of the camera that was frozen".to_owned(),
                    }
                }
                Ok(None) => "no cube there".to_owned(),
                Err(failure) => format!("not picked: {failure}"),
            }),
            News::Saved(saved) => self.messages.say(match saved {
                Ok(path) => format!("saved {}", path.display()),
                Err(failure) => format!("not saved: {failure}"),
            }),
        }
    }

    /// Of what is shown now, and of what else is there.
    fn draw_with(&mut self, change: impl Fn(ViewOptions) -> ViewOptions) {
        let frozen = self.frozen.as_mut().map(|frozen| &mut frozen.stage);
        for stage in [Some(&mut self.stage), frozen].into_iter().flatten() {
            stage.draw_with(&change);
        }
    }

    fn switch_path(&mut self) {
        let samples = self.samples;
        match self.stage.path() {
            // Compute shaders smooth edges by themselves.
            Some(RasterPath::Hardware) => {
                self.draw_with(|options| options.path(RasterPath::Compute).samples(1));
            }
            _ => self.draw_with(|options| options.path(RasterPath::Hardware).samples(samples)),
        }
    }

    /// Another number of cubes, beside the frames.
    fn load(&mut self, count: usize) {
        if self.args.input.is_some() {
            return self.messages.say("a file has as many cubes as it has");
        }
        if self.busy.loading || self.busy.freezing {
            return self.messages.say("wait for the cubes that are under way");
        }
        let count = count.clamp(1, Cubes::most(self.app.gpu()));
        if count != self.stage.cubes.count() {
            self.busy.loading = true;
            self.messages.say(format!("loading {} cubes ..", grouped(count as u64)));
            self.desk.load(self.args.clone(), self.app.gpu().clone(), count);
        }
    }

    /// Looks at what survived culling, or at all again.
    fn freeze(&mut self) {
        if self.frozen.take().is_some() {
            return self.messages.say("all cubes again");
        }
        let Some(view) = self.stage.view() else { return };
        if self.busy.loading || self.busy.freezing {
            return self.messages.say("wait for the cubes that are under way");
        }
        self.busy.freezing = true;
        let (cubes, [width, height]) = (self.stage.cubes.clone(), view.size());
        // Cubes of a scene that stand still are made again; others are read back.
        let is_made = self.args.input.is_none() && self.stage.wave.is_none();
        let source = is_made.then(|| self.args.scene.source(cubes.count(), self.args.seed));
        let camera = self.pose.camera(width as f32 / height as f32);
        self.desk.freeze(self.app.gpu().clone(), cubes, source, view.clone(), camera, self.stage.options());
    }

    fn switch_vsync(&mut self) {
        self.vsync = match self.vsync {
            Vsync::On => Vsync::Relaxed,
            Vsync::Relaxed => Vsync::Mailbox,
            Vsync::Mailbox => Vsync::Off,
            _ => Vsync::On,
        };
        self.app.surface().set_vsync(self.vsync);
        self.messages.say(format!("vsync: {:?}", self.vsync).to_lowercase());
    }

    /// Holds the pointer while it is looked around, or lets it go.
    pub(super) fn grab(&self, grab: bool) {
        let window = self.app.window();
        window.set_cursor_visible(!grab);
        let held = match grab {
            // X11 cannot do the first, some systems not the second.
            true => window
                .set_cursor_grab(CursorGrabMode::Locked)
                .or_else(|_| window.set_cursor_grab(CursorGrabMode::Confined)),
            false => window.set_cursor_grab(CursorGrabMode::None),
        };
        if let Err(error) = held {
            tracing::warn!("the pointer cannot be held in the window: {error}");
        }
    }
}
