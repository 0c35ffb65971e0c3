//! Runs the models. Each takes seconds; `LOOM_LOG=1` and `LOOM_CHECKPOINT_FILE` help where one fails.

use vulkio_models::{commit_list, job, reactor, recording};

macro_rules! models {
    ($($module:ident::$model:ident,)*) => {
        $(#[test]
        fn $model() {
            $module::$model();
        })*
    };
}

models! {
    reactor::a_registration_that_races_with_the_advance_is_woken,
    reactor::a_future_dropped_meanwhile_takes_back_its_own_registration_only,
    reactor::a_future_dropped_while_the_device_is_lost_has_no_registration_left,
    reactor::the_waker_of_the_last_poll_is_woken,
    reactor::a_loss_reaches_every_waiter_and_gives_every_record_back,
    reactor::a_withdrawn_record_is_given_back,
    reactor::a_commit_that_races_with_closing_is_retired_or_refused,
    reactor::a_parked_reactor_is_rung_awake,
    reactor::a_wait_for_less_than_the_reactor_sleeps_on_ends_its_sleep,
    recording::a_frame_is_committed_whole_or_cancelled_whole,
    recording::a_frame_with_a_failing_pass_is_never_submitted,
    job::a_take_that_races_with_the_end_and_the_last_user_gets_the_output,
    job::of_two_takers_one_gets_the_output_and_the_other_an_answer,
    job::a_job_that_is_aborted_as_it_ends_gives_its_output_to_all_or_to_none,
    job::a_wait_dropped_meanwhile_takes_back_its_own_registration_only,
    commit_list::every_commit_is_worked_off_once_and_in_order,
    commit_list::nobody_waits_for_the_presenter,
    commit_list::what_is_told_may_commit_again,
}
