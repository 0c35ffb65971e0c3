//! Events that wait for their reader: bounded, movements merged.

use std::collections::VecDeque;

use winit::event::WindowEvent;

use super::events::Event;

/// The most events that wait.
pub(super) const MOST: usize = 1024;

/// Events in order.
#[derive(Debug, Default)]
pub(super) struct Queue {
    events: VecDeque<Event>,
}

impl Queue {
    pub(super) fn pop(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Adds an event, to one that waits if it can; whether another was lost that is more than a movement.
    pub(super) fn push(&mut self, event: Event) -> bool {
        // Among the movements at the end their order does not matter: none of them tells where another was made.
        let last_moves = self.events.iter_mut().rev().take_while(|waiting| is_movement(waiting));
        if is_movement(&event) && last_moves.into_iter().any(|waiting| absorb(waiting, &event)) {
            return false;
        }
        // Twice is no more than once.
        if is_close(&event) && self.events.contains(&event) {
            return false;
        }
        let lost = self.events.len() >= MOST && self.make_room();
        self.events.push_back(event);
        lost
    }

    /// Whether what went is more than a movement.
    fn make_room(&mut self) -> bool {
        if let Some(oldest) = self.events.iter().position(is_movement) {
            self.events.remove(oldest);
            return false;
        }
        if let Some(oldest) = self.events.iter().position(|event| !is_close(event)) {
            self.events.remove(oldest);
        }
        true
    }
}

fn is_close(event: &Event) -> bool {
    matches!(event, Event::CloseRequested { .. })
}

/// What the next of its kind makes old.
fn is_movement(event: &Event) -> bool {
    use WindowEvent::{AxisMotion, CursorMoved, Moved, RedrawRequested, Resized};
    match event {
        Event::MouseMotion { .. } => true,
        Event::Window { event, .. } => {
            matches!(event, CursorMoved { .. } | AxisMotion { .. } | Moved(_) | Resized(_) | RedrawRequested)
        }
        Event::CloseRequested { .. } => false,
    }
}

/// Makes one movement of two of a kind; whether they are.
fn absorb(waiting: &mut Event, new: &Event) -> bool {
    use WindowEvent::{AxisMotion, CursorMoved};
    match (&mut *waiting, new) {
        (Event::MouseMotion { delta }, Event::MouseMotion { delta: [x, y] }) => {
            *delta = [delta[0] + x, delta[1] + y];
            true
        }
        (Event::Window { window: a, event: old }, Event::Window { window: b, event: new }) if a == b => {
            let same = match (&*old, new) {
                (CursorMoved { device_id: a, .. }, CursorMoved { device_id: b, .. }) => a == b,
                (AxisMotion { device_id: a, axis: i, .. }, AxisMotion { device_id: b, axis: j, .. }) => {
                    (a, i) == (b, j)
                }
                (old, new) => std::mem::discriminant(old) == std::mem::discriminant(new),
            };
            if same {
                old.clone_from(new);
            }
            same
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use winit::{
        dpi::{PhysicalPosition, PhysicalSize},
        event::{DeviceId, ElementState, MouseButton},
        window::WindowId,
    };

    fn window(id: u64, event: WindowEvent) -> Event {
        Event::Window { window: WindowId::from(id), event }
    }

    fn cursor(x: f64) -> Event {
        window(1, WindowEvent::CursorMoved { device_id: DeviceId::dummy(), position: PhysicalPosition::new(x, 0.0) })
    }

    fn click() -> Event {
        let (state, button) = (ElementState::Pressed, MouseButton::Left);
        window(1, WindowEvent::MouseInput { device_id: DeviceId::dummy(), state, button })
    }

    fn resized(id: u64, width: u32) -> Event {
        window(id, WindowEvent::Resized(PhysicalSize::new(width, 10)))
    }

    fn all(mut queue: Queue) -> Vec<Event> {
        std::iter::from_fn(|| queue.pop()).collect()
    }

    fn filled(events: impl IntoIterator<Item = Event>) -> Queue {
        let mut queue = Queue::default();
        events.into_iter().for_each(|event| {
            queue.push(event);
        });
        queue
    }

    #[test]
    fn movements_that_follow_each_other_are_one_and_clicks_keep_their_place() {
        let motion = |x| Event::MouseMotion { delta: [x, 1.0] };
        let queue = filled([cursor(1.0), motion(1.0), cursor(2.0), motion(2.0), click(), cursor(3.0), cursor(4.0)]);
        let expected = [cursor(2.0), Event::MouseMotion { delta: [3.0, 2.0] }, click(), cursor(4.0)];
        assert_eq!(all(queue), expected);
    }

    #[test]
    fn sizes_of_two_windows_are_not_mixed() {
        let queue = filled([resized(1, 10), resized(2, 20), resized(1, 11), resized(2, 21)]);
        assert_eq!(all(queue), [resized(1, 11), resized(2, 21)]);
    }

    #[test]
    fn an_app_that_reads_nothing_grows_nothing_and_keeps_close_requests() {
        let close = |id| Event::CloseRequested { window: Some(WindowId::from(id)) };
        let mut queue = filled([close(1), Event::CloseRequested { window: None }]);
        for i in 0..10_000 {
            queue.push(cursor(f64::from(i)));
            queue.push(click());
            queue.push(close(1));
        }
        assert!(queue.events.len() <= MOST);
        let events = all(queue);
        assert_eq!(events[..2], [close(1), Event::CloseRequested { window: None }]);
        assert_eq!(events.iter().filter(|event| is_close(event)).count(), 2);
    }

    #[test]
    fn the_oldest_movements_go_first_and_only_more_than_a_movement_counts_as_lost() {
        let mut queue = filled((0..MOST / 2).flat_map(|i| [cursor(i as f64), click()]));
        assert_eq!(queue.events.len(), MOST);
        for _ in 0..MOST / 2 {
            assert!(!queue.push(click()), "a movement went");
        }
        assert!(queue.events.iter().all(|event| *event == click()), "no movement is left");
        assert!(queue.push(click()), "a click went");
        assert_eq!(queue.events.len(), MOST);
    }
}
