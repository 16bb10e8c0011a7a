//! Every text of the pages: Japanese first, English second. Templates hold none of their own.

use std::fmt;

/// A text in both languages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Text {
    /// Japanese.
    pub(crate) ja: &'static str,
    /// English.
    pub(crate) en: &'static str,
}

impl Text {
    /// The text with values in its places `{}`, which are escaped.
    pub(crate) fn fill(self, values: &[&str]) -> Filled {
        Filled {
            ja: filled(self.ja, values),
            en: filled(self.en, values),
        }
    }

    /// The text with one value.
    pub(crate) fn of(self, value: impl fmt::Display) -> Filled {
        self.fill(&[&value.to_string()])
    }

    /// The text as it is, for where filled ones stand too.
    pub(crate) fn plain(self) -> Filled {
        self.fill(&[])
    }
}

/// A text with values in its places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Filled {
    /// Japanese, safe inside HTML.
    pub(crate) ja: String,
    /// English, safe inside HTML.
    pub(crate) en: String,
}

fn filled(text: &str, values: &[&str]) -> String {
    let mut parts = text.split("{}");
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for (part, value) in parts.zip(values.iter().chain(std::iter::repeat(&""))) {
        whole.push_str(&escaped(value));
        whole.push_str(part);
    }
    whole
}

fn escaped(text: &str) -> String {
    text.chars().fold(String::new(), |mut safe, letter| {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            letter => safe.push(letter),
        }
        safe
    })
}

fn both(f: &mut fmt::Formatter<'_>, ja: &str, en: &str) -> fmt::Result {
    write!(
        f,
        "<span class=\"ja\">{ja}</span> <span class=\"en\" lang=\"en\">{en}</span>"
    )
}

/// Both languages as HTML. Texts of the catalogue hold nothing that needs escaping.
impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        both(f, self.ja, self.en)
    }
}

impl fmt::Display for Filled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        both(f, &self.ja, &self.en)
    }
}

impl askama::filters::HtmlSafe for Text {}
impl askama::filters::HtmlSafe for Filled {}

macro_rules! texts {
    ($($name:ident = $ja:literal, $en:literal;)*) => {
        /// Every text by name.
        pub(crate) struct Texts { $(#[doc = $en] pub(crate) $name: Text,)* }

        /// Every text.
        pub(crate) const T: Texts = Texts { $($name: Text { ja: $ja, en: $en },)* };

        #[cfg(test)]
        const ALL: &[(&str, Text)] = &[$((stringify!($name), T.$name),)*];
    };
}

texts! {
    sekisho = "関所", "Sekisho";
    skip = "本文へ", "Skip to content";
    pages = "画面", "Pages";
    other_places = "ほかの施設", "Other institutions";
    sign_out = "ログアウト", "Sign out";
    footer = "この画面は機器の中だけで動き、外には何も送りません。",
        "This page runs on the appliance alone and sends nothing outside.";

    tab_reception = "受付", "Reception";
    tab_visitors = "通知の登録", "Notices";
    tab_decisions = "保留の判断", "Decisions";
    tab_director = "院長", "Director";
    tab_clinic = "機器の状態", "Appliance";
    tab_log = "操作記録", "Access log";
    tab_accounts = "利用者", "Accounts";
    role_reception = "受付", "reception";
    role_it = "情報担当", "IT";
    role_director = "院長", "director";

    title_refused = "できませんでした", "Not done";
    refused_sign_in = "ログインが必要です。", "Please sign in.";
    refused_sign_in_next = "ログインしてください。", "Sign in first.";
    refused_not_here = "この画面はないか、あなたの役割では開けません。",
        "There is no such page, or your role does not open it.";
    refused_not_here_next = "上の見出しから選び直してください。必要な画面が出ないときは情報担当に役割を確認してください。",
        "Choose from the headings above; if a page you need is missing, ask clinic IT about your role.";
    refused_foreign = "この画面から送られたものと確かめられなかったため、何もしませんでした。",
        "This did not come from a form of this page, so nothing was done.";
    refused_foreign_next = "前の画面に戻り、開き直してからもう一度操作してください。",
        "Go back, reload the page and try again.";
    refused_form_next = "前の画面に戻り、その項目を直してください。",
        "Go back and correct that field.";
    refused_large = "一度に受け取れる量を超えています。何も登録していません。",
        "This is more than one form can hold; nothing was entered.";
    refused_large_next = "いくつかに分けて登録してください。", "Enter it in several parts.";
    refused_host = "この名前では開けません。", "The page does not open under this name.";
    refused_host_next = "開始案内に書かれたアドレスで開いてください。",
        "Use the address on the start sheet.";
    back_to_start = "最初の画面へ", "To the first page";
    wrong_form = "送られた形式が違います。", "This is not a form of this page.";

    title_sign_in = "ログイン", "Sign in";
    sign_in_name = "ログイン名", "Name";
    sign_in_password = "パスワード", "Password";
    sign_in_code = "認証アプリの6桁の数字", "Six digits of your authenticator app";
    sign_in_submit = "ログイン", "Sign in";
    sign_in_wrong = "ログイン名・パスワード・数字のどれかが違います。数字は30秒ごとに変わり、1回だけ使えます。",
        "Name, password or digits are wrong. The digits change every 30 seconds and work once.";
    sign_in_wait = "失敗が続いたため、あと約 {} 分お待ちください。急ぐときは情報担当に連絡してください。",
        "Too many failures: please wait about {} min, or call clinic IT.";
    sign_in_first = "はじめての方・スマートフォンを替えた方", "First time, or a new phone";
    sign_in_help = "パスワードを忘れたときは、情報担当が新しいコードを発行します。",
        "If you forgot your password, clinic IT issues a new code.";

    sign_in_emergency = "緊急のとき（センターの緊急コード）", "Emergency: with a code of the centre";

    title_emergency = "緊急ログイン", "Emergency sign-in";
    emergency_intro = "パスワードも認証アプリも使えず、情報担当にも連絡がつかないときは、センターに電話して緊急コードを受け取ってください。",
        "When password and app fail and clinic IT cannot be reached, call the centre for an emergency code.";
    emergency_code = "緊急コード（ABCD-EFGH-JKLM の形）", "Emergency code (like ABCD-EFGH-JKLM)";
    emergency_submit = "緊急ログイン", "Sign in";
    emergency_limits = "コードは24時間以内に1回だけ使えます。30分間、閲覧と提供停止の登録だけができ、すべて記録されます。",
        "A code works once within 24 hours, for 30 minutes, for looking and entering stops only; everything is logged.";
    emergency_wrong = "ログイン名か緊急コードが違うか、コードがまだ届いていないか、使用済みか期限切れです。センターに確認してください。",
        "Name or code is wrong, or the code has not arrived yet, was used, or is too old. Ask the centre.";
    emergency_back = "ふだんのログインへ", "Ordinary sign-in";
    emergency_on = "緊急ログイン中です。閲覧と提供停止の登録だけができ、{} に自動で終わります。",
        "Emergency session: for looking and entering stops only; it ends by itself at {}.";
    refused_emergency = "緊急ログインでは、閲覧と提供停止の登録だけができます。",
        "An emergency session is for looking and entering stops only.";
    refused_emergency_next = "ほかの操作は、情報担当に新しいコードを発行してもらい、ふだんのログインで行ってください。",
        "For anything else have clinic IT issue a new code and sign in as usual.";

    title_first = "最初の登録", "First sign-in";
    first_intro = "情報担当から受け取ったコードを入力してください。コードは24時間、1回だけ使えます。",
        "Enter the code that clinic IT gave you. It is good for 24 hours and works once.";
    first_code = "コード（ABCD-EFGH-JKLM の形）", "Code (like ABCD-EFGH-JKLM)";
    first_next = "次へ", "Next";
    first_wrong = "ログイン名かコードが違うか、コードの期限が切れています。情報担当に新しいコードを頼んでください。",
        "Name or code is wrong, or the code is too old. Ask clinic IT for a new one.";
    first_wait = "失敗が続いたため、しばらくお待ちください。", "Too many failures: please wait a while.";
    first_late = "時間が経ちすぎました。もう一度コードを入力してください。",
        "Too much time has passed. Please enter the code again.";
    first_step_app = "1. 認証アプリに登録", "1. Add to your authenticator app";
    first_app_help =
        "スマートフォンの認証アプリ（Google Authenticator、Microsoft Authenticator など）で下の図を読み取ってください。読み取れないときは、文字をそのまま入力します。",
        "Scan the picture with an authenticator app on your phone, or type the letters.";
    first_picture = "認証アプリ用の図", "Picture for the authenticator app";
    first_secret = "文字で入力するとき", "To type instead";
    first_step_password = "2. パスワードを決める", "2. Choose a password";
    first_password_help = "{} 文字以上。ほかで使っていないものにしてください。定期的な変更は要りません。",
        "At least {} characters, used nowhere else. It need not be changed regularly.";
    first_password = "新しいパスワード", "New password";
    first_again = "もう一度", "Once more";
    first_step_code = "3. アプリの数字を確かめる", "3. Check with the app";
    first_done = "登録を終える", "Finish";
    first_differ = "2つのパスワードが違います。", "The two passwords differ.";
    first_totp = "アプリの数字が違います。図を読み取り直し、出ている6桁を入力してください。",
        "The app's digits are wrong. Scan again and enter the six digits shown.";
    first_short = "パスワードが短すぎるか、長すぎます。", "The password is too short or too long.";
    first_guessable = "推測されやすいパスワードです。言葉をいくつか組み合わせてください。",
        "That password is easy to guess. Join several words.";
    first_ready = "登録が終わりました。パスワードと、アプリの次の数字でログインしてください。",
        "You are ready: sign in with your password and the app's next digits.";

    title_me = "あなたの設定", "Your settings";
    passkeys = "パスキー", "Passkeys";
    passkeys_help = "このパソコンやスマートフォンの指紋・顔・PIN でログインできます。ふだん使う端末で登録してください。",
        "Sign in with fingerprint, face or PIN of your computer or phone. Add one where you work.";
    passkeys_count = "登録済み: {} 個", "{} added";
    passkey_add = "この端末のパスキーを登録", "Add a passkey of this device";
    passkey_remove = "すべてのパスキーを削除", "Remove all passkeys";
    passkey_enter = "パスキーでログイン", "Sign in with a passkey";
    passkey_failed = "パスキーを使えませんでした。開始案内の名前で開き、証明書を登録した端末か確かめてください。",
        "No passkey could be used: open the page by its name, on a device that trusts its certificate.";
    passkey_wrong = "パスキーを確かめられませんでした。", "The passkey could not be verified.";
    passkey_refused = "そのパスキーではログインできません。パスワードでログインしてください。",
        "That passkey does not open the page; use your password.";

    title_accounts = "利用者", "Accounts";
    accounts_intro = "1人に1つ登録します。共用はしません。", "One for each person; never shared.";
    account_name = "ログイン名（半角の英小文字・数字、2～32文字）",
        "Name for signing in (a-z, 0-9, 2 to 32)";
    account_shown = "氏名", "Person";
    account_roles = "役割", "Roles";
    account_state = "状態", "State";
    account_actions = "操作", "Actions";
    account_new = "利用者を登録する", "New account";
    account_issue = "登録してコードを発行", "Make account and code";
    account_again = "コードを再発行", "New code";
    account_again_help = "コードを再発行すると、その人の今のパスワードと認証アプリはすぐに使えなくなります。",
        "A new code ends the person's password and app at once.";
    account_close = "停止", "Close";
    account_you = "あなた", "you";
    account_ready = "使用中", "in use";
    account_waits = "最初の登録待ち", "waits for first sign-in";
    account_closed = "停止", "closed";
    account_name_wrong = "ログイン名は半角の英小文字・数字・「. _ -」で2～32文字です。",
        "A name is 2 to 32 of a-z 0-9 . _ -";
    account_name_taken = "そのログイン名はもう使われています。", "That name is taken.";
    account_shown_wrong = "氏名は1～40文字で入力してください。", "A person's name has 1 to 40 characters.";
    account_roles_wrong = "役割を1つ以上選んでください。", "Choose at least one role.";
    issued_title = "開始案内", "Start sheet";
    issued_intro = "この紙を本人に手渡してください。コードは24時間、1回だけ使えます。",
        "Hand this sheet to the person. The code is good for 24 hours and works once.";
    issued_address = "開くアドレス", "Address";
    issued_code = "コード", "Code";
    issued_fingerprint = "証明書の指紋 (SHA-256)", "Fingerprint of the certificate (SHA-256)";
    issued_check = "ブラウザーに出る証明書の指紋が同じことを確かめてから、コードを入力してください。",
        "Enter the code only if your browser shows the same fingerprint.";
    print_help = "印刷はブラウザーの「印刷」（Ctrl + P）で行います。", "Print with your browser (Ctrl + P).";

    title_reception = "受付", "Reception";
    chart_number = "患者番号", "Chart number";
    chart_search = "検索", "Search";
    chart_help = "診察券の番号を、先頭の 0 も含めて入力してください。", "As on the card, leading zeros included.";
    chart_wrong = "患者番号として読めません。半角の英数字とハイフンで入力してください。",
        "That is no chart number: letters, digits and hyphens only.";
    reception_steps = "「提供をやめてほしい」と言われたら", "When a patient says no";
    reception_step_1 = "上の欄に患者番号を入れて検索します。", "Enter the chart number above and search.";
    reception_step_2 = "診察券と番号を見比べ、「提供停止を登録する」を押します。",
        "Compare with the card and press the button that enters the stop.";
    reception_step_3 = "出てきた確認書を印刷して、お渡しします。", "Print the confirmation and hand it over.";
    title_person = "患者", "Patient";
    person_passes = "提供の対象です。", "Records are provided.";
    person_passes_in_part = "一部を除いて、提供の対象です。", "Records are provided, but for a part.";
    person_hold = "待機期間中です。{} から提供します。", "In the hold; provided from {}.";
    person_stopped = "提供していません（停止のお申し出あり）。", "Not provided: asked to stop.";
    person_not_notified = "提供していません（通知の記録なし）。", "Not provided: no notice on record.";
    person_pending = "提供していません（保留の判断待ち）。", "Not provided: a decision is pending.";
    person_unknown = "この番号は台帳にありません。番号を確かめてください。停止はこのまま登録できます。",
        "The ledger does not have this number. Check it; a stop can be entered all the same.";
    filed_there = "電子カルテの保管先に、この番号の患者がいます。",
        "The storage has a patient of this number.";
    filed_nowhere = "電子カルテの保管先に、この番号の患者は見つかりません。番号を確かめてください（停止はこのまま登録できます）。",
        "The storage has no patient of this number: check it. A stop can be entered all the same.";
    filed_unknown = "電子カルテの保管先は確かめられませんでした。診察券と番号を見比べてください。",
        "The storage could not be asked: compare the number with the card.";
    stop_title = "提供をやめるお申し出", "The patient says no";
    stop_requester = "お申し出の方", "Who asks";
    stop_verification = "確認のしかた", "How checked";
    stop_channel = "受け方", "How it came";
    stop_day = "お申し出の日", "Day of the request";
    stop_submit = "提供停止を登録する", "Enter the stop";
    stop_help = "登録した時点から、次の送信に含まれません。あとで取り消せます。",
        "From now on nothing more is sent. It can be taken back later.";
    scope_finer = "もっと細かく（一部だけ止めるとき）", "In detail, to stop a part only";
    scope_help = "止めるものだけに印を残してください。何も変えなければ、すべてを止めます。",
        "Leave a mark on what is to stop. Unchanged, everything stops.";
    scope_domains = "記録の種類", "Kinds of records";
    scope_products = "使い道", "Uses";
    scope_from = "受診日（この日から）", "Care from";
    scope_until = "受診日（この日まで）", "Care until";
    scope_period_help = "空欄のままなら、すべての受診日です。", "Left empty: whatever the day of care.";
    scope_empty = "記録の種類と使い道を、それぞれ1つ以上選んでください。",
        "Choose at least one kind of records and one use.";
    scope_reversed = "受診日の終わりが始まりより前です。", "The days of care end before they begin.";
    scope_all = "すべての医療情報", "all medical records";
    scope_all_domains = "すべての種類", "every kind";
    scope_all_products = "すべての使い道", "every use";
    scope_since = "{} からの受診", "care from {} on";
    scope_up_to = "{} までの受診", "care up to {}";
    scope_between = "{} から {} までの受診", "care from {} to {}";
    domain_medical = "診療", "medical care";
    domain_checkup = "健診", "check-ups";
    domain_care = "介護", "long-term care";
    domain_vital_status = "死亡・住民の情報", "deaths and residents";
    domain_lifestyle = "生活", "daily life";
    product_anonymized = "匿名加工", "anonymized data";
    product_pseudonymized = "仮名加工", "pseudonymized data";
    product_ndb_linkable = "国のデータベースとの連結", "linkage with national databases";
    consent_title = "同意のお申し出", "The patient agrees";
    consent_day = "同意の日", "Day of the consent";
    consent_document = "説明した文書の版", "Version of the text explained";
    consent_finer = "もっと細かく（一部だけ同意のとき）", "In detail, to agree to a part only";
    consent_scope_help = "同意するものだけに印を残してください。何も変えなければ、すべてへの同意です。",
        "Leave a mark on what is agreed to. Unchanged, it is everything.";
    consent_submit = "同意を登録する", "Enter the consent";
    consent_stopped = "停止のお申し出がある間は、同意があっても提供しません。",
        "While a stop stands, nothing is provided in spite of a consent.";
    consent_entered = "同意を登録しました。", "The consent is entered.";
    consent_not_here = "この施設は、同意ではなく通知によって提供します。",
        "This institution provides by notice, not by consent.";
    consent_needs_time = "機器の時刻が確かめられていないため、同意はまだ登録できません（停止は登録できます）。情報担当に連絡してください。",
        "The time is not confirmed, so consents cannot be entered yet (stops can). Call clinic IT.";
    merge_title = "同じ方の別の番号があるとき", "The same person has another number";
    merge_help = "2つの番号を1人として扱います。片方への停止は、両方の停止になります。通知と同意は番号ごとです。",
        "Both numbers count as one person: a stop of either stops both. Notices and consents stay with their number.";
    merge_other = "別の患者番号", "The other chart number";
    merge_used = "いま使っている番号", "The number in use";
    merge_used_this = "表示中の番号", "the one shown";
    merge_used_other = "別の番号", "the other one";
    merge_submit = "同じ方として登録する", "Enter as one person";
    merge_same = "同じ番号です。別の番号を入力してください。", "That is the same number; enter the other one.";
    merge_entered = "2つの番号を1人として登録しました。", "The two numbers are one person now.";
    listed_still = "取り消しましたが、病院の停止の一覧（CSV）にこの患者が載っているため、次の処理で停止に戻ります。停止をやめるには、一覧からも消してください。",
        "Taken back here, but the hospital's own stop list (CSV) has the patient: the next run stops them again. Take the patient off that list as well.";
    listed_unknown = "取り消しました。病院の停止の一覧（CSV）は読めませんでした。この患者が載っていれば、次の処理で停止に戻ります。",
        "Taken back here. The hospital's own stop list (CSV) could not be read; if it has the patient, the next run stops them again.";
    stop_shared = "次の部署にも登録します:", "Entered for these departments too:";
    requester_own = "本人", "the patient";
    requester_family = "家族", "family";
    requester_bereaved = "遺族", "bereaved";
    requester_representative = "代理人", "representative";
    requester_guardian = "保護者", "guardian";
    verification_known = "診察券・面識", "card, known";
    verification_document = "本人確認書類", "identity document";
    verification_unverified = "未確認", "not checked";
    channel_desk = "窓口", "desk";
    channel_phone = "電話", "telephone";
    channel_paper = "書面・郵送", "paper";
    channel_centre = "相談センター", "centre";
    channel_import = "取り込み", "import";
    ground_mistake = "入力の誤り", "entered by mistake";
    ground_wish = "ご本人の希望", "the patient wishes so";
    ground_other_person = "別の人だった", "somebody else was meant";
    day_wrong = "日付が読めません。", "That is no day.";
    day_in_future = "先の日付は登録できません。", "The day lies in the future.";
    choice_wrong = "選択肢から選んでください。", "Choose one of the options.";
    entry_wrong = "その登録は取り消せません。すでに取り消されているかもしれません。",
        "That entry cannot be taken back; perhaps it already was.";
    history = "これまでの登録", "Entries so far";
    history_revoked = "取り消し済み", "taken back";
    revoke = "取り消す", "Take back";
    revoke_ground = "理由", "Why";
    revoke_submit = "この登録を取り消す", "Take this entry back";
    next_person = "次の患者へ", "Next patient";
    event_notified = "通知", "notice";
    event_visited = "通知開始後の受診", "visit after the start of notice";
    event_stopped = "提供停止", "stop";
    event_consented = "同意", "consent";
    event_held = "保留（センターの停止依頼）", "held by an order of the centre";
    event_merged = "番号の統合", "numbers merged";
    event_provided = "契約と通知文の変更", "contracts and notice texts changed";
    event_revoked = "取り消し", "taken back";
    event_import = "取り込み", "import";
    title_confirmation = "確認書", "Confirmation";
    confirmation_show = "確認書を表示", "Show the confirmation";
    confirmation_done = "登録しました。確認書を印刷してお渡しください。",
        "The stop is entered. Print the confirmation and hand it over.";
    confirmation_revoked = "この停止は取り消されています。", "This stop was taken back.";
    confirmation_title = "医療情報の提供停止 確認書", "Confirmation of a stop of provision";
    confirmation_text = "次のとおり、医療情報の提供をやめるお申し出を受け付けました。",
        "We have taken your request that your medical records no longer be provided.";
    confirmation_scope = "停止の範囲", "Scope";
    confirmation_recorded = "受付の記録", "Recorded";
    confirmation_place = "受け付けた施設", "Institution";
    confirmation_contact = "お問い合わせ", "Contact";
    confirmation_next = "受付の時点から、新しい記録は提供しません。", "From now on no new record is provided.";
    confirmation_next_limited = "受付の時点から、上の範囲の新しい記録は提供しません。",
        "From now on no new record within this scope is provided.";
    confirmation_before_limited = "上の範囲ですでに提供した記録は、センターで取り下げます。匿名に加工して提供を終えたものは、取り下げられないことがあります。",
        "What was provided before within this scope is withdrawn at the centre. What was made anonymous and released may not be, since nobody can tell whose it is.";
    confirmation_before = "すでに提供した記録は、センターに消去を求めます。匿名に加工して提供を終えたものは、どなたの記録か分からないため消去できないことがあります。",
        "Erasure of records provided before is asked of the centre. What was made anonymous and released may not be erasable, since nobody can tell whose it is.";
    confirmation_no_harm = "お申し出によって、診療で不利益を受けることはありません。お考えが変わったときは、いつでもお申し出ください。",
        "Your care does not change. You may change your mind at any time.";
    title_sixteen = "16歳になった方", "Persons who turned 16";
    sixteen_due = "16歳になり、ご本人にあらためて通知する方が {} 人います。",
        "{} persons have turned 16 and are to be told themselves.";
    sixteen_list = "一覧を見る", "Show them";
    sixteen_intro = "通知のときは16歳未満で、保護者の方にお伝えした方です。ご本人にご案内を渡し、通知を登録してください。登録すると一覧から消えます。",
        "Told through their guardians before they were 16. Hand them the leaflet and enter the notice; then they leave this list.";
    sixteen_none = "あらためて通知する方はいません。", "Nobody is to be told again.";
    sixteen_open = "開く", "Open";
    sixteen_more = "ほかに {} 人います。", "{} more.";
    sixteen_tell = "通知の登録へ", "To the entry of notices";
    title_visitors = "通知の登録", "Notices";
    visitors_intro = "通知した方をまとめて登録する", "Enter everybody who was notified";
    visitors_day = "通知した日", "Day of the notice";
    visitors_document = "通知文の版", "Version of the notice text";
    visitors_method = "方法", "Method";
    visitors_numbers = "患者番号（1行に1人）", "Chart numbers, one a line";
    visitors_help = "レセコンの受診者一覧を、そのまま貼り付けられます。各行の最初の欄だけを読み、氏名などは残しません。5,000人まで。",
        "An export of the day's visits may be pasted as it is: only the first column is read and nothing else is kept. Up to 5,000.";
    visitors_preview = "内容を確認する（まだ登録しません）", "Check first (enters nothing yet)";
    visitors_check = "登録の確認", "Check";
    visitors_none = "新しく登録する方はいません。", "There is nobody new to enter.";
    visitors_earlier = "最近の登録", "Latest entries";
    visitors_persons = "{} 人", "{} persons";
    visitors_undo = "まとめて取り消す", "Take all back";
    notice_needs_time = "機器の時刻が確かめられていないため、通知はまだ登録できません（停止は登録できます）。情報担当に連絡してください。",
        "The time is not confirmed, so notices cannot be entered yet (stops can). Call clinic IT.";
    document_wrong = "その版は、その日にはまだ出ていません。", "That text was not out on that day.";
    preview_fresh = "新しく登録する方", "To be entered";
    preview_told = "同じ通知文で登録済みの方", "Entered before with this text";
    preview_twice = "一覧の中で重なった行", "Lines that stand twice";
    preview_stopped = "停止のお申し出がある方（停止のままです）", "Asked to stop, and stay stopped";
    preview_unreadable = "患者番号として読めない行（登録しません）", "Lines that are no chart number (left out)";
    preview_enter = "{} 人を登録する", "Enter {} persons";
    preview_back = "一覧を入れ直す", "Start again";
    method_handed = "手渡し", "handed over";
    method_posted = "掲示", "posted";
    method_kiosk = "端末", "kiosk";
    method_letter = "郵送", "letter";
    title_leaflet = "ご案内の印刷", "Leaflet";
    leaflet_show = "ご案内を表示して印刷", "Show and print the leaflet";
    leaflet_title = "あなたの診療の記録を、医学の研究に役立てます", "Your records help medical research";
    leaflet_picture = "病院の記録が、鍵のかかった箱に入り、統計になる図",
        "Records of the hospital go into a locked box and become statistics";
    leaflet_what = "この施設は、法律にもとづき、国の認定を受けた事業者に診療の記録を提供します。記録はだれのものか分からない形にしてから、新しい薬や治療の研究に使われます。",
        "Under the law this institution provides records to an operator certified by the state. They are made anonymous before they are used for research.";
    leaflet_leaves_title = "何が提供されますか", "What is provided?";
    leaflet_leaves = "病名、検査の結果、薬などの記録です。お名前、住所、電話番号、文章で書かれた記録は提供しません。",
        "Diseases, results, medicines and the like. Names, addresses, telephone numbers and written notes are not provided.";
    leaflet_stop_title = "提供してほしくないとき", "If you do not want this";
    leaflet_stop = "いつでも、窓口か電話でお申し出ください。1分ほどで手続きが終わり、確認書をお渡しします。この案内をお渡しした日から {} 日間は、提供を始めません。",
        "Tell us at any time, at the desk or by telephone; it takes a minute and you get a confirmation. Nothing is provided for {} days from the day you are given this leaflet.";
    leaflet_no_harm = "お申し出によって、診療で不利益を受けることはありません。", "Your care does not change.";
    leaflet_family = "16歳未満の方や、ご自分で判断することが難しい方は、ご家族や代理の方もお申し出になれます。",
        "For children under 16 and persons who cannot decide, family or representatives may tell us.";
    title_decisions = "保留の判断", "Decisions";
    decisions_intro = "センターに停止のお申し出があり、当院のどなたのことか確かめる必要があります。判断するまで、この方の記録は送りません。",
        "Somebody asked the centre to stop, and it must be decided whom it means here. Until then nothing of these persons is sent.";
    decisions_none = "判断を待つものはありません。", "Nothing waits for a decision.";
    decisions_order = "依頼", "Order";
    decisions_fits = "一致する項目：", "Agrees:";
    decisions_differs = "異なる項目：", "Differs:";
    key_chart = "患者番号", "chart number";
    key_kana = "カナ氏名", "kana name";
    key_birth = "生年月日", "day of birth";
    key_card = "保険証", "insurance card";
    key_sex = "性別", "sex";
    decisions_yes = "この方です（提供を停止する）", "It is this person: stop";
    decisions_no = "別の人です（提供を続ける）", "It is somebody else: go on";
    decisions_more = "ほかに {} 件あります。上から順に判断してください。", "{} more; decide these first.";
    case_decided = "その保留は、すでに判断されています。", "That case has been decided already.";

    title_clinic = "機器の状態", "Appliance";
    what_next = "次にすること", "What to do next";
    condition_good = "正常に動いています。", "Everything works.";
    condition_good_next = "することはありません。", "Nothing to do.";
    condition_new = "まだ一度も処理していません。", "There has been no run yet.";
    condition_new_next = "夜間の処理を待つか、機器の手順書に従って一度動かしてください。",
        "Wait for the nightly run, or start one as the operating page says.";
    condition_old = "前回の処理から1日半以上経っています。",
        "The last run is more than a day and a half ago.";
    condition_old_next = "機器の電源と時刻を確認し、直らなければ下の状態コードをセンターに伝えてください。",
        "Check power and clock; if that does not help, tell the centre the status code below.";
    condition_waiting = "送信待ちが3日以上続いています。データは失われていません。",
        "Batches have waited for more than three days. Nothing is lost.";
    condition_waiting_next = "回線（閉域網）の状態を確認してください。", "Check the closed network line.";
    condition_certificate = "センターと通信するための証明書が、まもなく切れるか、更新を断られています。",
        "The certificate for the line to the centre ends soon, or its renewal was refused.";
    condition_certificate_next = "切れると送信が止まります（データは失われません）。センターに連絡してください。",
        "Once it has ended nothing is sent, and nothing is lost. Call the centre.";
    transfer = "送信", "Transfer";
    last_run = "前回の処理", "Last run";
    last_received = "センターが最後に受け取った日時", "Last receipt of the centre";
    batches_sent = "送信した束", "Batches sent";
    batches_waiting = "送信待ち", "Waiting";
    waiting = "{} 束（{}）", "{} batches ({})";
    never = "まだありません", "never";
    time_confirmed = "ここまで確かめられた時刻", "Time confirmed up to";
    clock_moved = "機器の時計が正しい時刻から {} ずれています。操作記録の日時も同じだけずれています。情報担当に連絡してください。",
        "The appliance's clock is off by {}, and so are the times of the access log. Call clinic IT.";
    clock_unconfirmed = "機器の時刻を2時間以上確かめられていません。情報担当は、時刻サーバーへの接続を確認してください。",
        "The time has not been confirmed for more than two hours. Clinic IT: check the line to the time server.";
    clock_put_right = "{} に、{} ずれていた時計が自動で正されました。それまでの操作記録の日時はずれていることがあります。",
        "At {} a clock that was off by {} was put right by itself; earlier times of the access log may be off.";
    persons_unkeyed = "センターの計算サービスを待っている患者", "Patients who wait for the evaluation service";
    stops_unmatched = "患者の見つからない停止", "Stops that match no patient";
    help_desk = "センターへの連絡", "Help desk";
    help_desk_code = "電話で次の状態コードを伝えてください。", "Read this status code on the telephone.";
    help_desk_note = "コードに患者の情報は含まれません。", "The code says nothing about any patient.";
    folders = "読み取り元のフォルダ", "Source folders";
    folders_test = "接続をテストする", "Test the folders";
    folder_good = "読めます", "can be read";
    folder_empty = "空です。出力先の指定を確認してください", "empty: check where the exporter writes";
    folder_refused = "開けません。共有の接続と読み取り権限を確認してください",
        "cannot be opened: check the share and its permission";
    folder_silent = "応答しません。共有フォルダのある機器と回線を確認してください",
        "does not answer: check the file server and its network";
    certificate = "この画面の証明書", "Certificate of this page";
    certificate_until = "期限", "Good until";
    line_certificate = "センターとの通信の証明書の期限", "Certificate for the line to the centre, good until";
    line_key = "その証明書の鍵", "Its key";
    line_key_tpm = "TPM の中（機器の外に出ません）", "In the TPM; it never leaves the device";
    line_key_file = "ファイル（TPM を使っていません）", "In a file; the TPM is not used";
    certificate_get = "証明書を保存する（院内のパソコンに登録するため）",
        "Save the certificate, to install it on the clinic's computers";
    version = "版", "Version";

    remote_work = "センターの遠隔作業", "Remote work of the centre";
    remote_none = "遠隔作業の記録はありません。", "No remote work is on record.";
    remote_note =
        "どの作業も、センターの担当者が署名した決まった種類の指示で行われます。心当たりのない作業があれば、センターに連絡してください。",
        "All work is by orders of a fixed list, signed by persons at the centre. Call the centre about any that you did not expect.";
    remote_came = "受け付け", "Came";
    remote_plan = "計画番号", "Plan";
    remote_what = "作業", "Work";
    remote_why = "理由", "Reason";
    remote_ended = "終了", "Ended";
    remote_outcome = "結果", "Result";
    remote_open = "作業中", "under way";
    remote_planned = "計画した保守", "planned";
    remote_fault = "故障の対応", "fault";
    remote_incident = "事故への対応", "incident";
    remote_requested = "施設の依頼", "asked for by the site";
    remote_disposal = "廃棄", "disposal";
    title_director = "当院から出るもの", "What leaves the clinic";
    director_intro = "氏名・住所・電話番号・患者番号・文章は、送る形式に入れる場所がなく、出ていきません。",
        "Names, addresses, telephone and chart numbers and free text never leave: the format has no place for them.";
    director_kinds = "種類ごとの記録の数", "Records by kind";
    director_kind = "種類", "Kind";
    director_records = "記録", "Records";
    director_nothing = "まだ何も出ていません。", "Nothing has left yet.";
    director_gate = "提供してよいかの判定", "Decisions of the gate";
    director_decision = "判定", "Decision";
    director_persons = "人", "Persons";
    director_seen = "確認した患者", "patients seen";
    director_passed = "提供できる（新しい記録のあった人）", "may be provided (with news)";
    director_rate = "停止のお申し出の割合", "Share of those who said no";
    director_rate_help = "ふつうは1,000人に1人ほどです。", "About one in a thousand is usual.";
    director_notified = "通知した人", "Persons told";
    director_stopped = "停止のお申し出があった人", "Persons who said no";
    director_rate_nobody = "{} 人に通知して、停止のお申し出が1人もありません。受付で書き漏らしていないか、ご案内に申し出の方法があるかを確認してください。",
        "Nobody of {} said no: check that the desk writes stops down and that the leaflet says how to say no.";
    director_rate_many = "停止のお申し出が1%を超えています（{} 人）。ご案内が誤解されていないか、取り込みに誤りがないかを確認してください。",
        "More than 1 % said no ({} persons): check that the leaflet is understood and that no import went wrong.";
    director_examples = "記録の見本", "Examples";
    director_examples_help = "実際に出た記録の形です。値は伏せてあります（数字は 9、文字は A）。",
        "The shape of records that left, with values masked: 9 for digits, A for letters.";
    director_batches = "最近の束", "Latest batches";
    director_documents = "文書", "Documents";
    director_erasures = "センターでの消去", "Erasure at the centre";
    director_erasures_help = "送った後に停止を申し出た方の記録は、センターで消去します。",
        "What was sent about persons who said no afterwards is erased at the centre.";
    director_erasures_pending = "消去の完了を待っている人", "Persons, erasure not yet confirmed";
    director_erasures_confirmed = "消去が完了した人", "Persons, erasure confirmed";
    director_withheld = "留め置いた人", "Withheld";
    director_waits = "送信待ち", "waiting";
    director_record = "提供記録", "Provision record";
    director_record_help = "これまでの {} 束すべての記録です。法律で求められる保存に使えます。",
        "All {} batches, as the law asks to keep them.";
    director_record_get = "CSV で保存", "Save as CSV";
    director_unreadable = "古い版が書いた {} 束は、ここでは読めません。状態フォルダに残っています。",
        "{} batches of an earlier version cannot be read here; they stay in the state folder.";
    column_sequence = "番号", "Number";
    column_sealed = "封かん日時", "Sealed";
    column_received = "センターの受領", "Received";
    column_recipient = "提供先", "Recipient";
    column_persons = "人数", "Persons";
    column_documents = "文書（種別:数）", "Documents (kind:count)";
    column_records = "記録（種類:数）", "Records (kind:count)";
    column_contract = "契約", "Contract";
    column_filing = "届出", "Filing";
    column_hold = "待機日数", "Hold days";
    column_texts = "通知文の版:人数", "Notice text:persons";
    column_withheld = "留め置き（理由:人数）", "Withheld (reason:persons)";
    column_ledger = "台帳の版", "Ledger version";
    column_quality = "加工の種類", "Products";
    column_batch = "束の識別子", "Batch";
    withheld_no_contract = "契約がない", "no contract";
    withheld_contract_not_active = "契約が有効でない", "contract not in force";
    withheld_no_filing = "届出がない", "no filing";
    withheld_stopped = "停止の求めがある", "asked to stop";
    withheld_pending = "判断を待っている", "waits for a decision";
    withheld_no_consent = "同意がない", "no consent";
    withheld_not_notified = "通知していない", "not notified";
    withheld_outdated = "通知文が足りない", "notice text does not suffice";
    withheld_hold = "待機期間中", "hold still runs";
    kind_patient = "患者（性別・生年月・都道府県）", "Patient (sex, month of birth, prefecture)";
    kind_coverage = "保険の種類", "Kind of insurance";
    kind_encounter = "受診・入退院", "Visits and stays";
    kind_allergy = "アレルギー", "Allergies";
    kind_condition = "病名", "Diseases";
    kind_medication_request = "処方・注射の指示", "Prescriptions and injections";
    kind_medication_administration = "処方・注射の実施", "Medicines as given";
    kind_observation = "検査結果・測定値", "Results and measurements";
    kind_service_request = "検査の指示", "Orders of examinations";
    kind_procedure = "検査の実施", "Examinations performed";
    kind_nutrition = "食事", "Meals";

    title_log = "操作記録", "Access log";
    log_whole = "{} 行すべてが書かれたままです。", "All {} lines are as they were written.";
    log_broken = "操作記録が書き換えられたか、欠けています。センターに連絡してください。",
        "The access log was changed or cut. Call the centre.";
    log_at = "日時", "Time";
    log_who = "利用者", "Account";
    log_act = "操作", "What";
    log_about = "対象", "About";
    log_older = "前の記録", "Older";
    log_unknown = "（新しい版の操作）", "(of a later version)";
    log_note = "患者は番号ではなく参照で示します。", "Patients stand as references, never as numbers.";
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    /// P-23: every text is there in both languages.
    #[test]
    fn every_text_of_the_pages_stands_in_both_languages() {
        for (name, text) in ALL {
            assert!(!text.ja.is_ascii() || text.ja == "-", "{name}");
            assert!(text.en.is_ascii() && !text.en.is_empty(), "{name}");
            let places = |text: &str| text.matches("{}").count();
            assert_eq!(places(text.ja), places(text.en), "{name}");
            for text in [text.ja, text.en] {
                assert!(!text.contains(['<', '>', '&']), "{name} needs escaping");
            }
        }
    }

    /// P-23: templates hold no text of their own.
    #[test]
    fn templates_take_every_text_from_the_catalogue() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
        let mut seen = 0;
        for file in fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_none_or(|kind| kind != "html") {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let mut bare = text.clone();
            for (open, close) in [("{#", "#}"), ("{%", "%}"), ("{{", "}}"), ("<", ">")] {
                while let Some(from) = bare.find(open) {
                    let rest = bare.get(from..).unwrap();
                    let end = rest.find(close).unwrap() + from + close.len();
                    bare.replace_range(from..end, " ");
                }
            }
            let left = bare
                .split_whitespace()
                .find(|word| word.chars().any(char::is_alphanumeric));
            assert_eq!(left, None, "{}", path.display());
            seen += 1;
        }
        assert!(seen > 5);
    }

    #[test]
    fn values_are_escaped_and_missing_ones_leave_nothing() {
        let text = Text {
            ja: "あと {} 日、{} 件",
            en: "{} days, {}",
        };
        let filled = text.fill(&["<b>"]);
        assert_eq!(filled.ja, "あと &lt;b&gt; 日、 件");
        assert!(filled.to_string().contains("lang=\"en\""));
    }
}
