//! The show: takes what is asked for, draws the next frame, and sleeps while there is nothing to draw.

use std::time::{Duration, Instant};

use vulkio::{
    Frame,
    glam::Vec3,
    window::{App, Event, Events, Vsync, winit::window::Window},
};

use super::{
    figures::Figures,
    freeze::Frozen,
    input::{Asked, Input},
    messages::Messages,
    news::{self, Desk},
    panel::Panel,
    pose::Pose,
    stage::Stage,
};
use crate::{
    args::Args,
    camera,
    output::{Failure, Output},
};

/// A key that is pressed moves as much as it would in a frame of this, however soon it is let go.
const STEP: Duration = Duration::from_millis(16);

/// Everything that is shown, and what changes it.
pub(crate) struct Show {
    pub(super) app: App,
    pub(super) args: Args,
    events: Events,
    pub(super) input: Input,
    pub(super) desk: Desk,
    pub(super) stage: Stage,
    /// What survived culling, while that is looked at.
    pub(super) frozen: Option<Frozen>,
    pub(super) pose: Pose,
    pub(super) figures: Figures,
    pub(super) messages: Messages,
    panel: Panel,
    pub(super) overlay: bool,
    pub(super) help: bool,
    pub(super) paused: bool,
    /// Whether the next frame is to be saved.
    pub(super) picture: bool,
    /// Samples a pixel, where the rasteriser draws.
    pub(super) samples: u32,
    pub(super) vsync: Vsync,
    /// How far the cubes are that move.
    waved: Duration,
    /// When the last frame was drawn.
    last: Instant,
    /// When it is to be drawn again, if nothing happens before.
    again: Option<Instant>,
    pub(super) dirty: bool,
    pub(super) busy: Busy,
    pub(super) closed: bool,
}

/// What is under way.
#[derive(Default)]
pub(super) struct Busy {
    pub(super) loading: bool,
    pub(super) freezing: bool,
}

impl Show {
    pub(crate) async fn new(app: App, args: Args, samples: u32) -> Result<Self, Failure> {
        let (cubes, wave) = news::load(&args, app.gpu(), args.count_on(app.gpu())).await?;
        let pose = match &args.camera {
            Some(file) => Pose::Still(camera::read(file)?),
            None => Pose::around(cubes.bounds(), args.seed),
        };
        let stage = Stage::new(cubes, wave, args.view_options().samples(samples));
        Ok(Self {
            events: app.events(),
            panel: Panel::new(&app).await?,
            overlay: !args.no_overlay,
            paused: args.on_demand,
            stage,
            pose,
            input: Input::default(),
            desk: Desk::default(),
            frozen: None,
            figures: Figures::default(),
            messages: Messages::default(),
            help: false,
            picture: false,
            vsync: app.config().window.vsync,
            samples,
            waved: Duration::ZERO,
            last: Instant::now(),
            again: None,
            dirty: true,
            busy: Busy::default(),
            closed: false,
            app,
            args,
        })
    }

    /// Until the window is closed, or so many frames were drawn as were asked for.
    pub(crate) async fn run(&mut self) -> Result<(), Failure> {
        let most = self.args.frames.map_or(u64::MAX, u64::from);
        while self.figures.frames < most && !self.closed {
            if !self.has_to_draw() {
                self.sleep().await;
                continue;
            }
            let Some(frame) = self.app.frame().await? else { break };
            // After the wait for a slot: what is drawn is what was asked for last.
            let clicks = self.catch_up();
            if !self.closed {
                self.draw(frame, clicks).await?;
            }
        }
        Ok(())
    }

    /// The last frame as a picture.
    pub(crate) async fn save(&self, picture: &Output) -> Result<(), Failure> {
        Ok(self.app.renderer().capture().await?.save_png(picture.writing_path()).await?)
    }

    /// Always, unless only what changed is to be drawn.
    fn has_to_draw(&self) -> bool {
        let moves = self.input.flies() || (!self.paused && (self.pose.flies() || self.stage.wave.is_some()));
        let due = self.again.is_some_and(|at| at <= Instant::now());
        !self.args.on_demand || self.dirty || self.input.asks() || moves || due
    }

    /// Until something happens.
    async fn sleep(&mut self) {
        self.figures.paused();
        let again = self.again;
        let due = async {
            match again {
                Some(at) => tokio::time::sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.app.closing() => self.closed = true,
            event = self.events.next() => match event {
                Some(event) => self.note(&event),
                None => self.closed = true,
            },
            Some(news) = self.desk.next() => self.learn(news),
            () = due => {}
        }
        // Nothing moved meanwhile.
        self.last = Instant::now();
    }

    /// Takes in all that happened, and does what was asked for; where was clicked.
    fn catch_up(&mut self) -> Vec<[f64; 2]> {
        while let Some(event) = self.events.try_next() {
            self.note(&event);
        }
        while let Some(news) = self.desk.try_next() {
            self.learn(news);
        }
        let now = Instant::now();
        let passed = now - std::mem::replace(&mut self.last, now);
        let asked = self.input.take();
        for &command in &asked.commands {
            self.obey(command);
        }
        if let Some(grab) = asked.grab {
            self.grab(grab);
        }
        self.steer(&asked, passed);
        if !self.paused {
            self.pose.advance(passed);
            // The one that is looked at stands still.
            if self.frozen.is_none() && !self.busy.freezing {
                self.waved += passed;
            }
        }
        asked.clicks
    }

    fn note(&mut self, event: &Event) {
        // Of the one window that there is, or of the mouse.
        self.panel.note(event);
        self.input.note(event);
    }

    fn steer(&mut self, asked: &Asked, passed: Duration) {
        if asked.wish == Vec3::ZERO && asked.look == [0.0; 2] && asked.wheel == 0.0 {
            return;
        }
        let fly = self.pose.steer(self.stage.cubes.bounds());
        fly.look(asked.look);
        fly.faster(asked.wheel);
        fly.advance(asked.wish, asked.fast, if asked.tapped { passed.max(STEP) } else { passed });
    }

    async fn draw(&mut self, frame: Frame, clicks: Vec<[f64; 2]>) -> Result<(), Failure> {
        let began = Instant::now();
        let (pose, waved) = (&self.pose, self.waved);
        let stage = self.frozen.as_mut().map_or(&mut self.stage, |frozen| &mut frozen.stage);
        if let Some(refused) = stage.draw(&frame, |aspect| pose.camera(aspect), waved).await? {
            self.messages.say(format!("drawn as before: {refused}"));
        }
        for click in clicks {
            if let Some([x, y]) = pixel(&frame, self.app.window(), click) {
                self.desk.pick(frame.pick(x, y), self.frozen.is_some());
            }
        }
        let lines = self.overlay.then(|| self.lines(frame.target().extent()));
        let repaint = self.panel.draw(&frame, lines.as_ref())?;
        if std::mem::take(&mut self.picture) {
            self.desk.save(frame.capture());
        }
        let done = frame.submit().await?;
        self.figures.submitted(began.elapsed(), done);
        let now = Instant::now();
        let changes = [now.checked_add(repaint), self.messages.next_change()].into_iter().flatten().min();
        // What is not shown changes nothing.
        self.again = changes.filter(|_| self.overlay);
        self.dirty = false;
        Ok(())
    }
}

/// The pixel of a frame under a point of the window, which may have another size by now.
fn pixel(frame: &Frame, window: &Window, at: [f64; 2]) -> Option<[u32; 2]> {
    let shown: [u32; 2] = window.inner_size().into();
    let [x, y] = [0, 1].map(|axis| {
        let along = at[axis] / f64::from(shown[axis].max(1));
        (0.0..1.0).contains(&along).then_some((along * f64::from(frame.target().extent()[axis])) as u32)
    });
    Some([x?, y?])
}
