"""What our pages say when something cannot be done, and when it was: plain Japanese first, and what to do next."""

from collections.abc import Mapping

from policies.model import Bilingual

LET_IN: Mapping[str, Bilingual] = {
    "wrong_key": Bilingual(
        "キーが正しくないか、使える期間ではありません。あなた個人のキーを、もう一度貼り付けてください。",
        "This key is wrong or outside its dates. Paste your personal key once more.",
    ),
    "tool_key": Bilingual(
        "ツールのキーでは入れません。あなた個人のキーを使うか、市の認証で入ってください。個人のキーがないときは、情報システム担当へ申し込んでください。",
        "A tool's key opens nothing here. Use your personal key or the city's sign-in; ask the system team for a key.",
    ),
    "robot": Bilingual(
        "ロボットは確かめられません。担当の職員が、自分のキーで入ってください。",
        "A robot cannot confirm. Whoever answers for it signs in with their own key.",
    ),
    "not_enrolled": Bilingual(
        "今日は利用登録がありません。所属長に利用の登録を申し込んでください。",
        "You are not enrolled on this day. Apply for it at your section head.",
    ),
    "directory": Bilingual(
        "市の認証で入れませんでした。もう一度試すか、あなた個人のキーで入ってください。",
        "The city's sign-in did not work. Try again, or use your personal key.",
    ),
    "too_often": Bilingual(
        "続けて間違えたため、しばらく入れません。5分ほど待ってから、もう一度試してください。",
        "Too many wrong tries. Wait about five minutes and try again.",
    ),
    "signed_out": Bilingual(
        "もう一度入ってください(15分たちました)。", "Sign in again: a quarter of an hour is over."
    ),
}

REASON: Mapping[str, Bilingual] = {
    "empty": Bilingual("理由を書いてください(200字まで)。", "Write a reason of 1 to 200 characters."),
    "number": Bilingual(
        "個人番号・住民票コードに見える数字は、台帳に残せません。消してからもう一度押してください。",
        "A number that looks like a My Number or a resident code is not kept: leave it out.",
    ),
    "personal": Bilingual(
        "理由に個人情報らしいものがあります。理由は台帳に残るので、氏名や番号を書かずに、もう一度書いてください。",
        "The reason seems to hold personal data. It stays in the ledger: write it without names and numbers.",
    ),
}

SAID: Mapping[str, tuple[Bilingual, Bilingual]] = {
    "granted": (
        Bilingual("送信を許可しました", "Confirmed"),
        Bilingual(
            "ツールに戻って、同じ文をもう一度送ってください({until}まで、一度だけ)。文を変えると、もう一度確認が要ります。",
            "Go back to your tool and send the same text again (until {until}, once). A changed text needs a new confirmation.",
        ),
    ),
    "granted_for": (
        Bilingual("送信を許可しました", "Confirmed"),
        Bilingual(
            "送った人({person})に知らせてください。送った人は、{until}まで、同じ文を一度だけ送れます。",
            "Tell the sender ({person}), who can send the same text again until {until}, once.",
        ),
    ),
    "partly": (
        Bilingual("同意を受け付けました", "Your consent was noted"),
        Bilingual(
            "もう一人の同意がそろうと、送信できるようになります。",
            "The text can be sent once the other one who is asked has consented.",
        ),
    ),
    "refused": (
        Bilingual("送信しないことにしました", "It will not be sent"),
        Bilingual(
            "このままでは送信されません。要らない個人情報を消した文なら、ツールからもう一度送れます。",
            "Nothing was sent. A text without the personal data that is not needed can be sent from your tool.",
        ),
    ),
    "used": (
        Bilingual("もう使われた確認です", "This confirmation was used"),
        Bilingual(
            "一つの確認で送れるのは一度だけです。同じ文をまた送るときは、ツールから送って、新しい確認のページを開いてください。",
            "One confirmation lets a text pass once. Send it from your tool again and open the new page.",
        ),
    ),
    "expired": (
        Bilingual("期限が過ぎた確認です", "This confirmation has expired"),
        Bilingual(
            "ツールから同じ文をもう一度送って、新しい確認のページを開いてください。",
            "Send the same text from your tool again and open the new page.",
        ),
    ),
    "revoked": (
        Bilingual("取り消された確認です", "This confirmation was revoked"),
        Bilingual(
            "送るときは、ツールから同じ文をもう一度送って、新しい確認のページを開いてください。",
            "To send it all the same, send it from your tool again and open the new page.",
        ),
    ),
    "changed": (
        Bilingual("規則が変わりました", "The rules have changed"),
        Bilingual(
            "この確認は使えなくなりました。ツールから同じ文をもう一度送ってください。",
            "This confirmation is no longer good. Send the same text from your tool again.",
        ),
    ),
    "not_yours": (
        Bilingual("あなたが確かめるものではありません", "It is not for you to confirm"),
        Bilingual(
            "確かめられるのは、送った本人か、規則で決められた所属長・CSIRTだけです。リンクを開いた人を確かめてください。",
            "Only who sent it, or the section head or CSIRT that the rule names, can confirm it.",
        ),
    ),
    "not_found": (
        Bilingual("この確認のページはありません", "There is no such page"),
        Bilingual(
            "リンクが途中で切れていないか確かめて、もう一度開いてください。",
            "Check that the link is whole and open it again.",
        ),
    ),
    "not_recorded": (
        Bilingual("記録できないため、何も変えませんでした", "Nothing was changed: it cannot be recorded"),
        Bilingual(
            "少し待ってから、もう一度押してください。続くときは情報システム担当へ連絡してください。",
            "Wait a little and try again; tell the system team if it goes on.",
        ),
    ),
    "unavailable": (
        Bilingual("いまは確かめられません", "It cannot be confirmed right now"),
        Bilingual(
            "少し待ってから、もう一度開いてください。続くときは情報システム担当へ連絡してください。",
            "Wait a little and open it again; tell the system team if it goes on.",
        ),
    ),
    "other_origin": (
        Bilingual("このページからは受け付けられません", "This form was not accepted"),
        Bilingual(
            "確認のページを開き直して、そこから押してください。何度も出るときは、情報システム担当に"
            "「SEKISHO_PUBLIC_URL を、職員が開くURLに合わせてください」と伝えてください。",
            "Open the page anew and use its own buttons. If it goes on, have the system team set SEKISHO_PUBLIC_URL to the address that staff open.",
        ),
    ),
    "bad_form": (
        Bilingual("送られた内容が読めません", "The form cannot be read"),
        Bilingual("ページを開き直して、もう一度押してください。", "Open the page anew and try again."),
    ),
    "accepted": (
        Bilingual("利用ルールへの同意を記録しました", "Your acceptance was recorded"),
        Bilingual("このまま利用できます。", "You can go on."),
    ),
    "taken_back": (
        Bilingual("確認を取り消しました", "The confirmation was revoked"),
        Bilingual(
            "同じ文を送るときは、もう一度確認が要ります。",
            "The same text needs a new confirmation from now on.",
        ),
    ),
}
