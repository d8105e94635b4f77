"""Frequent Japanese surnames: standing alone, these are believed to be names. Data only.

Public knowledge of the most frequent surnames, written down for this; order is of no meaning. A word
that is not here is still a name beside an honorific, a title, a label or a given name.
"""

from redaction.wordlist import words

FREQUENT: frozenset[str] = frozenset(
    words("""
    佐藤 鈴木 高橋 田中 伊藤 渡辺 山本 中村 小林 加藤 吉田 山田 佐々木 山口 松本 井上 木村 斎藤 清水
    山崎 池田 阿部 橋本 山下 石川 中島 前田 藤田 小川 岡田 後藤 長谷川 石井 村上 近藤 坂本 遠藤 青木
    藤井 西村 福田 太田 三浦 藤原 岡本 松田 中川 中野 原田 小野 田村 竹内 金子 和田 中山 石田 上田 森田
    柴田 酒井 工藤 横山 宮崎 宮本 内田 高木 安藤 谷口 大野 丸山 今井 高田 藤本 武田 村田 上野 杉山 増田
    平野 大塚 千葉 久保 松井 小島 岩崎 桜井 木下 野口 松尾 野村 菊地 佐野 大西 菊池 杉本 新井 浜田 市川
    水野 小松 島田 古川 小山 山内 西田 菅原 北村 五十嵐 安田 福島 関 川口 辻 飯田 本田 平田 岩田 服部
    川崎 中田 久保田 東 川上 吉川 矢野 永井 土屋 内藤 大橋 荒木 吉村 小田 永田 秋山 本間 須藤 大島 渡部
    三宅 岡崎 樋口 成田 土井 小池 松下 黒田 堀 石原 山中 浅野 大久保 片山 田口 横田 岡 石橋 西川 松岡
    宮田 中西 尾崎 大谷 上村 福井 本多 川村 沢田 森本 栗原 片岡 南 伊東 西山 岩本 広瀬 望月 秋元 田辺
    関口 熊谷 松村 富田 菅野 川島 川田 高山 児玉 萩原 松原 西 岸 岩井 平井 浅井 村井 堀田 八木 大森
    富永 早川 荒井 足立 河野 大川 吉岡 吉野 高野 牧野 白石 岡村 松永 上原 桑原 坂田 黒木 泉 田島 増井
    森下 水谷 横井 馬場 中井 平山 小西 植田 川端 北川 榎本 根本 梅田 浜口 奥田 奥村 若林 宇野 稲垣 大石
    三好 栗田 笠原 神田 塚本 小倉 本村 島 武藤 古賀 石塚 奥野 村山 篠原 野田 河合 川合 今村 大山 金井
    田代 中谷 池上 坂口 内山 飯塚 岡部 天野 亀井 安部 武井 坂井 細川 寺田 小原 窪田 稲葉 森川 渡邊 河村
    佐久間 野崎 長田 堀内 茂木 大竹 原口 松浦 田原 竹田 竹中 平川 相馬 高島 土田 小沢 星野 大沢 宮沢
    滝沢 金沢 北沢 黒沢 米沢 大原 大村 大平 大木 大場 大田 中尾 中本 中原 中沢 中嶋 山根 山岸 山路 山村
    山川 山野 山形 小笠原 小野寺 小松原 小泉 小坂 小野田 小山田 小谷 岩間 岩佐 岩瀬 石黒 石渡 石山 石崎
    高井 高瀬 高松 高村 高尾 高見 高岡 吉本 吉原 吉井 吉沢 吉永 松山 松崎 松野 松沢 松川 竹下 竹本 竹村
    川本 川原 川瀬 川野 川辺 河田 河本 西尾 西岡 西野 西本 西沢 南部 北野 北島 北原 東野 東山 東田 三上
    三木 三原 三輪 三谷 森山 森岡 森 林 原 辻本 辻村 杉田 杉浦 杉原 杉村 藤川 藤村 藤岡 藤沢 藤野 藤島
    藤森 藤木 平岡 平松 平林 福本 福原 福永 福岡 福山 宮下 宮川 宮内 宮原 宮地 宮脇 村松 村瀬 村木 村岡
    村川 野中 野沢 野上 野原 野本 久野 久米 前川 前原 前野 島崎 島本 柳沢 柳田 柳 桜田 梅本 梅原 梅村
    植木 植村 植松 榊原 榊 柏木 桐山 桑田 桑名 栗山 根岸 橘 樋渡 水田 水口 江口 江藤 池本 池内 池尻 沖
    津田 浅田 浅川 浜崎 浜本 清田 滝川 瀬川 熊田 片桐 牧 牧田 生田 田上 田川 田尻 田畑 田端 田坂 田淵
    白井 白川 真鍋 矢島 矢部 矢田 秋田 秋本 秋葉 稲田 稲村 谷 谷川 谷本 豊田 赤坂 赤松 赤木 辰巳 進藤
    里見 金田 金城 比嘉 大城 宮城 新垣 玉城 島袋 平良 山城 知念 仲村 長尾 長島 長岡 長沢 長井 長野 門田
    関根 青山 青柳 飯島 飯野 飯村 須田 須賀 鈴村 黒川 黒岩 齊藤 一ノ瀬 一色 丹羽 二宮 五味 井口 井手
    井村 仁木 今田 今野 今西 佐伯 佐竹 佐々 佐川 入江 入山 八田 内海 内野 冨田 出口 利根川 加納 加賀
    加地 勝田 勝又 北田 千田 半田 古田 古谷 古屋 吉崎 向井 喜多 国分 堤 塩田 塩見 塩谷 増山 奥山 奥谷
    安井 安達 安東 安川 宇都宮 宇佐美 宮島 宮野 富山 富岡 寺本 寺島 寺井 小畑 小畠 尾形 尾上 岡野 岡山
    岡島 岡林 岸本 岸田 岸川 島村 島津 川井 川中 川元 川西 平 平賀 平沢 平本 広田 広川 庄司 後閑 志村
    志賀 戸田 手塚 新田 新谷 日高 日野 日下 明石 星 有田 有馬 木原 木戸 木元 本山 本橋 朝倉 杉 東郷
    松島 松木 板倉 林田 柿本 栗本 桂 梶原 梶 梶田 森井 森口 森永 森脇 武内 比留間 毛利 水島 永野 永山
    永瀬 河原 河内 河上 浦田 浦野 海野 渋谷 湯浅 湯川 滝口 片倉 牛島 犬飼 玉井 玉田 瀬戸 甲斐 畑 畑中
    畠山 百瀬 皆川 目黒 相原 相沢 相川 相田 真田 真野 石本 石野 磯部 神山 神谷 神崎 神野 福元 秦 稲
    立花 立川 竹原 笠井 米田 米山 細田 細谷 織田 羽田 能登 臼井 船越 花田 若松 茨木 荒川 荻野 菅 菅沼
    落合 葛西 蒲田 藤 西原 西脇 角田 諏訪 越智 近江 道下 遠山 郡司 野々村 野坂 野島 金山 金森 鎌田 長
    長瀬 間宮 関谷 阪本 阪口 阪田 難波 青野 青島 飛田 香川 香山 馬渕 鳥居 鶴田 鷲尾 鹿島 黒沼 黒瀬
""")
)

SHORT_OR_COMMON: frozenset[str] = frozenset(
    words("""
    東 西 南 北 森 林 原 岡 関 辻 堀 島 泉 岸 谷 柳 榊 橘 牧 桂 梶 星 杉 畑 秦 菅 堤 平 沖 長 柴 菊 藤
    稲 津 佐々 日野 新田 大手 大平 大木 大場 大山 大川 大石 本山 三原 中野 福岡 福島 千葉 石川 宮崎
    山口 長野 富山 岡山 香川 宮城 秋田 長崎 川崎 明石 渋谷 目黒 立川 松山 高松 神田 平野 上野 赤坂 青山
    横田 金沢 米沢 加賀 志賀 諏訪 鹿島 有田 有馬 日高 岸田 若松 須賀 川西 茨木 富田 服部 松原 池田 福井
    福山 松本 飯田 豊田 小倉 小松 中島 中央 今日 大島 宇都宮 朝倉 瀬戸 能登 河内 近江 戸田 蒲田 門田
    入江 難波 向井 西宮 大津 吉野 熊野 出口 入口 手塚 平良 木下 山中 川中 林田 喜多
""")
)
"""Frequent surnames that are as often a place or an ordinary word: alone they are not believed."""

FOREIGN: frozenset[str] = frozenset(
    words("""
    NGUYEN TRAN LE PHAM HOANG HUYNH PHAN VU VO DANG BUI DO HO NGO DUONG LY VAN THI KIM LEE PARK CHOI
    JUNG JEONG KANG CHO YOON JANG LIM HAN OH SEO SHIN KWON HWANG AHN SONG WANG LI ZHANG LIU CHEN YANG
    HUANG ZHAO WU ZHOU XU SUN MA ZHU HU GUO HE LIN GAO LUO SMITH JOHN JOHNSON WILLIAMS BROWN JONES
    GARCIA MILLER DAVIS MICHAEL JAMES ROBERT DAVID WILLIAM RICHARD JOSEPH THOMAS CHARLES MARY PATRICIA
    JENNIFER LINDA ELIZABETH BARBARA SUSAN JESSICA SARAH KAREN MARIA JOSE SANTOS REYES CRUZ BAUTISTA
    DELA RAMOS MENDOZA SILVA SOUZA OLIVEIRA PEREIRA COSTA ANNA PAUL PETER MARK ANDREW DANIEL GEORGE
    KEVIN BRIAN EDWARD EMILY EMMA OLIVER LUCAS CARLOS LUIS MIGUEL JUAN ANTONIO PEDRO FERNANDO SINGH
    KUMAR SHARMA GURUNG TAMANG RAI THAPA KHAN AHMED MOHAMMED MOHAMED ALI HASSAN RAHMAN ISLAM SARI PUTRI
    DEWI WIJAYA TAYLOR WILSON ANDERSON THOMPSON WHITE HARRIS CLARK LEWIS WALKER HALL YOUNG KING WRIGHT
    ANH MINH HUNG DUC LINH HUONG TUAN HOA QUANG THANH
""")
)
"""Latin spellings, in capitals, of names that residents of foreign nationality often bear."""
