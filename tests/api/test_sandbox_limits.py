"""The TikTok simulator is no kinder than TikTok: caps of a day, apps that are not audited, moderation."""

import secrets
import threading

import pytest
from publishing import Sent
from simulator import App, direct, draft, refused

STUCK = "[[status:stuck]]"  # made, and never ends: these tests are about init
UNAUDITED = "unaudited_client_can_only_post_to_private_accounts"


def post(creator, text="", **info):
    return direct(creator, description=f"{STUCK} {text}", **info)


# --- posts of a creator


@pytest.fixture(scope="module")
def three_a_day(stack):
    with stack.configured("sandbox", sandbox_posts_per_day="3"):
        yield


def test_a_creator_has_so_many_posts_a_day(three_a_day, app, creator):
    for _ in range(3):
        creator.publish(post(creator))
    refused(creator.init(post(creator)), 403, "spam_risk_too_many_posts")
    refused(creator.info(), 200, "spam_risk_too_many_posts")
    app.connect().publish(post(creator))  # another creator
    creator.publish(draft(creator, description=STUCK))
    creator.stack.move_clock(86401)
    later = app.connect(creator.username)
    assert later.info().json()["error"]["code"] == "ok"
    later.publish(post(later))


def test_the_posts_of_all_apps_count(three_a_day, stack, creator):
    for _ in range(2):
        creator.publish(post(creator))
    other = App(stack).connect(creator.username)
    other.publish(post(other))
    refused(creator.init(post(creator)), 403, "spam_risk_too_many_posts")
    refused(other.init(post(other)), 403, "spam_risk_too_many_posts")


def test_posts_that_failed_do_not_count(three_a_day, creator):
    for _ in range(4):
        publish_id = creator.publish(post(creator))
        assert creator.post("cancel/", {"publish_id": publish_id}).json()["error"]["code"] == "ok"
    creator.publish(post(creator))


def test_posts_at_once_stay_within_the_cap(three_a_day, creator):
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(creator.post("content/init/", post(creator)).status_code))
               for _ in range(6)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert sorted(answers) == [200] * 3 + [403] * 3


def test_the_worker_waits_for_the_day(three_a_day, stack, user, account):
    sent = [Sent(stack, user, account, STUCK) for _ in range(4)]
    stack.wait(lambda: [s for s in sent if s.get()["status"] == "deferred"], "one of them waits")
    states = [s.get()["status"] for s in sent]
    assert states.count("deferred") == 1
    waits = sent[states.index("deferred")].get()
    assert waits["failure"]["code"] == "spam_risk_too_many_posts" and waits["next_attempt_at"]
    assert sum(s.at_simulator() for s in sent) <= 3


def test_the_limits_can_be_lifted(stack, creator):
    with stack.configured("sandbox", sandbox_limits="no", sandbox_posts_per_day="1"):
        for _ in range(8):
            assert creator.post("content/init/", post(creator)).json()["error"]["code"] == "ok"
            assert creator.post("content/init/", draft(creator, description=STUCK)).json()["error"]["code"] == "ok"
        assert all(creator.info().json()["error"]["code"] == "ok" for _ in range(21))


# --- apps that are not audited


@pytest.fixture(params=["configured", "scripted"])
def unaudited(request, stack):
    """Makes the posts of an app that is not audited: one way or the other."""
    if request.param == "scripted":
        yield lambda creator, **info: post(creator, "[[app:unaudited]]", **info)
    else:
        with stack.configured("sandbox", sandbox_audited="no"):
            yield post


def test_an_unaudited_app_posts_to_private_accounts_only(app, unaudited):
    """It is about the account as well as about the post."""
    public, private = app.connect(), app.connect(private=True)
    for level in ("PUBLIC_TO_EVERYONE", "SELF_ONLY"):
        refused(public.init(unaudited(public, privacy_level=level)), 403, UNAUDITED)
    refused(private.init(unaudited(private, privacy_level="FOLLOWER_OF_CREATOR")), 403, UNAUDITED)
    private.publish(unaudited(private, privacy_level="SELF_ONLY"))
    assert "PUBLIC_TO_EVERYONE" in public.info().json()["data"]["privacy_level_options"], "TikTok offers it all the same"
    public.publish(draft(public, description=STUCK))


def test_an_unaudited_app_has_five_creators_a_day(stack, app, unaudited):
    creators = [app.connect(private=True) for _ in range(6)]
    for creator in creators[:5]:
        creator.publish(unaudited(creator, privacy_level="SELF_ONLY"))
    refused(creators[5].init(unaudited(creators[5], privacy_level="SELF_ONLY")), 403, "reached_active_user_cap")
    creators[0].publish(unaudited(creators[0], privacy_level="SELF_ONLY"))  # one of the five, again
    other = App(stack).connect(private=True)
    other.publish(unaudited(other, privacy_level="SELF_ONLY"))
    stack.move_clock(86401)
    later = app.connect(creators[5].username, private=True)
    later.publish(unaudited(later, privacy_level="SELF_ONLY"))


def test_creator_info_of_an_unaudited_app_says_that_it_has_its_five(stack, app):
    with stack.configured("sandbox", sandbox_audited="no"):
        creators = [app.connect(private=True) for _ in range(6)]
        for creator in creators[:5]:
            creator.publish(post(creator, privacy_level="SELF_ONLY"))
        refused(creators[5].info(), 200, "reached_active_user_cap")
        assert creators[0].info().json()["error"]["code"] == "ok"


def test_five_creators_at_once_are_not_six(stack, app):
    with stack.configured("sandbox", sandbox_audited="no"):
        creators = [app.connect(private=True) for _ in range(8)]
        answers = []

        def send(creator):
            answers.append(creator.post("content/init/", post(creator, privacy_level="SELF_ONLY")).status_code)

        threads = [threading.Thread(target=send, args=(c,)) for c in creators]
        [t.start() for t in threads]
        [t.join() for t in threads]
        assert sorted(answers) == [200] * 5 + [403] * 3


# --- moderation


def test_a_public_post_has_no_number_before_it_is_moderated(stack, user, account):
    """Published at once; its number, address and page come with TikTok's moderation."""
    sent = Sent(stack, user, account, "[[moderation:300]]")
    before = sent.wait()
    assert before["status"] == "published" and before["tiktok_post_ids"] == [] and before["post_url"] is None
    row = stack.sql("SELECT p.post_id, w.username FROM sandbox_publishes p JOIN sandbox_creators w ON w.id = p.creator_id "
                    "WHERE p.publish_id = %s", before["publish_id"])[0]
    page = f"{stack.sandbox_url}/@{row['username']}/photo/{row['post_id']}"
    assert stack.client().get(page).status_code == 404
    stack.move_clock(301)
    after = stack.wait(lambda: (p := sent.get())["tiktok_post_ids"] and p, "the number is there")
    assert after["tiktok_post_ids"] == [str(row["post_id"])] and after["post_url"] == page
    assert stack.client().get(page).status_code == 200


def test_moderation_is_configured(stack, user, account):
    with stack.configured("sandbox", sandbox_moderation_sec="600"):
        sent = Sent(stack, user, account)
        assert sent.wait()["tiktok_post_ids"] == []
        publish_id = sent.get()["publish_id"]
    row = stack.sql("SELECT moderation_sec FROM sandbox_publishes WHERE publish_id = %s", publish_id)[0]
    assert row["moderation_sec"] == 600


@pytest.mark.parametrize("script", ["[[moderation:-1]]", "[[moderation:86401]]", "[[moderation:]]", "[[moderation:x]]",
                                    "[[app:audited]]", "[[app:]]"])
def test_misspelt_scripts_are_refused(creator, script):
    refused(creator.init(direct(creator, description=f"{secrets.token_hex(4)} {script}")), 400, "invalid_param")
