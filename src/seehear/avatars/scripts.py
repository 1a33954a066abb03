"""What is said: GRID-like commands, numbers, everyday sentences and nonsense, in fifteen languages."""

from __future__ import annotations

from itertools import chain

import numpy as np

LANGUAGES = {
    "en-us": 5.0,
    "en-gb-x-rp": 5.0,
    "en-gb-scotland": 1.0,
    "en-us-nyc": 1.0,
    "es-419": 1.5,
    "es": 1.0,
    "fr": 1.5,
    "de": 1.5,
    "it": 1.0,
    "pt-br": 1.0,
    "nl": 0.7,
    "pl": 0.7,
    "ru": 1.0,
    "tr": 0.7,
    "sv": 0.5,
    "el": 0.5,
    "hi": 0.8,
    "cmn": 0.8,
    "id": 0.7,
    "sw": 0.6,
}
"""eSpeak's name of each language and accent, with how often it is drawn."""

_COMMANDS = (
    "bin lay place set".split(),
    "blue green red white".split(),
    "at by in with".split(),
    list("abcdefghijklmnopqrstuvxyz"),
    "zero one two three four five six seven eight nine".split(),
    "again now please soon".split(),
)

_SUBJECTS = (
    "my mother|the boy|our neighbour|a young woman|the big brown dog|my best friend|every farmer|some people|the pilot|"
    "her husband|the old man|that funny baker|nobody|the whole family|Bob|Pamela|Mr. Fawcett|the mayor|everybody|"
    "a famous painter|my grandmother|the bus driver|one of them|Vivian|the team"
).split("|")
_VERBS = (
    "bought|wanted|forgot|found|made|moved|opened|painted|brought|washed|saw|loved|remembered|dropped|fixed|heard about|"
    "was afraid of|gave away|put down|looked for|showed me|talked about|waved at|promised me|picked up"
).split("|")
_OBJECTS = (
    "a bottle of beer|five apples|the paper map|a pair of yellow shoes|the broken window|a wooden boat|some fresh bread|"
    "the purple umbrella|a warm coat|my favourite film|the wrong number|both of the photographs|a bowl of soup|the moon|"
    "a very heavy box|the beautiful garden|two movie tickets|a cup of coffee|the big blue bus|a puppy|an empty room|"
    "the winning goal|a voice on the phone|half of the mushrooms|what you told me"
).split("|")
_TAILS = (
    "yesterday|before the winter|in the morning|on Monday|without any warning|for a while|by the river|at home|again|"
    "because of the weather|after work|with my brother|every single day|above the shop|from above|on the way|"
    "for his birthday|and we were happy|but nobody knew why|as far as I know"
).split("|")
_SAYINGS = (
    "it's eleven o'clock.|I would like a new alarm clock.|don't forget a jacket.|the surface is slick.|"
    "that is exactly what happened.|I wonder what this is about.|maybe tomorrow it will be cold.|how are you doing?|"
    "well, I don't know.|what do you mean by that?|please give me a moment.|oh my, that was wonderful!|"
    "we should probably move on.|thank you very much for coming.|where have you been?|I was just about to leave.|"
    "could you repeat that, please?|no way, I don't believe it!|let me show you how it works.|"
    "welcome back to the programme.|so, this is the most important part.|I think we've got a problem here.|"
    "as you can see, it works very well.|for me it was more about the people.|stop it, you are making me laugh."
).split("|")

_SENTENCES: dict[str, str] = {
    "en": "",
    "es": "¿Cómo estás hoy?|Me gustaría un vaso de agua.|Mi familia vive cerca del mar.|No me acuerdo de su nombre.|"
    "Vamos a comprar pan y fruta.|El perro duerme bajo la mesa.|Hablamos por la mañana.|Es un problema muy importante.|"
    "Muchas gracias por venir.|Todo el mundo baila en la plaza.",
    "fr": "Bonjour, comment allez-vous ?|Je voudrais un peu de beurre.|Nous partons en vacances demain.|"
    "Ma mère prépare un bon repas.|Il fait beau aujourd'hui.|Vous avez vu mon parapluie ?|Tout le monde veut du bonheur.|"
    "Je ne peux pas vous répondre.|Le bateau bouge beaucoup.|C'est une bonne idée, mon ami.",
    "de": "Guten Morgen, wie geht es Ihnen?|Ich möchte ein Brot kaufen.|Meine Mutter fährt mit dem Bus.|"
    "Das Wetter wird morgen besser.|Wir haben viel Spaß gehabt.|Bitte öffnen Sie das Fenster.|Er wohnt über der Bäckerei.|"
    "Hast du meinen Brief bekommen?|Plötzlich war alles vorbei.|Vielen Dank für die Blumen.",
    "it": "Buongiorno, come va?|Vorrei un bicchiere di vino.|Mia sorella abita a Bologna.|Domani andiamo al mare.|"
    "Il bambino mangia una mela.|Non mi ricordo più niente.|Che bella giornata!|Prova a parlare piano.",
    "pt": "Bom dia, tudo bem?|Eu gostaria de um café.|Minha família mora perto da praia.|Vamos comprar pão amanhã.|"
    "O bebê dorme no quarto.|Muito obrigado por tudo.|Você pode me ajudar?|A gente se fala depois.",
    "nl": "Goedemorgen, hoe gaat het?|Ik wil graag een kopje koffie.|Mijn moeder woont in Breda.|Morgen gaan we naar zee.|"
    "Waar is mijn paraplu gebleven?|Bedankt voor de mooie bloemen.",
    "pl": "Dzień dobry, jak się masz?|Poproszę kubek mleka.|Moja mama pracuje w banku.|Jutro pojedziemy nad morze.|"
    "Bardzo lubię dobre filmy.|Wszyscy mówią o pogodzie.",
    "ru": "Доброе утро, как дела?|Я бы хотел чашку кофе.|Моя мама живёт в Москве.|Завтра мы поедем на море.|"
    "Мы купили хлеб и молоко.|Он не помнит моё имя.|Большое спасибо за помощь.|Почему ты опоздал?",
    "tr": "Günaydın, nasılsınız?|Bir fincan kahve istiyorum.|Annem pazara gidiyor.|Yarın hava çok güzel olacak.|"
    "Bu problemi biliyorum.|Bana yardım eder misin?",
    "sv": "God morgon, hur mår du?|Jag vill ha en kopp kaffe.|Min mamma bor i Malmö.|Vi åker båt på sommaren.|"
    "Kan du hjälpa mig lite?",
    "el": "Καλημέρα, τι κάνεις;|Θα ήθελα έναν καφέ.|Η μητέρα μου μένει στην πόλη.|Αύριο πάμε στη θάλασσα.|"
    "Ευχαριστώ πολύ για όλα.",
    "hi": "नमस्ते, आप कैसे हैं?|मुझे एक कप चाय चाहिए।|मेरी माँ बाज़ार जा रही है।|कल मौसम अच्छा होगा।|वह मेरा भाई है।|"
    "आपका बहुत धन्यवाद।",
    "cmn": "你好，你今天怎么样？|我想喝一杯水。|我妈妈住在北京。|明天我们去买面包。|他不知道我的名字。|非常感谢你的帮助。",
    "id": "Selamat pagi, apa kabar?|Saya mau minum kopi.|Ibu saya pergi ke pasar.|Besok kami pergi ke pantai.|"
    "Mobil biru itu milik bapak.|Terima kasih banyak.",
    "sw": "Habari za asubuhi?|Mimi ninapenda kahawa.|Mama yangu anapika wali.|Kesho tutaenda pwani.|Watoto wanacheza mpira.|"
    "Asante sana kwa msaada.",
}  # fmt: skip

_ONSETS = "b p m f v w b p m d t n s z l r k g h j th sh ch st bl pr fl".split()
_NUCLEI = "a e i o u aa ee oo ai ou".split()
_CODAS = ["", "", "", "m", "p", "b", "n", "s", "f", "l", "t", "k"]


def write_script(rng: np.random.Generator, language: str, *, seconds: float) -> str:
    """Text that takes roughly ``seconds`` to say, or a little more; one to several sentences."""
    kinds = _KINDS_ENGLISH if language.startswith("en") else _KINDS_ELSEWHERE
    sentences: list[str] = []
    while sum(map(_spoken_seconds, sentences)) < seconds:
        kind = kinds[int(rng.integers(len(kinds)))]
        sentences.append(kind(rng, language))
    return " ".join(sentences)


def _spoken_seconds(sentence: str) -> float:
    ideographs = sum("一" <= letter <= "鿿" for letter in sentence)
    return 0.3 + len(sentence) / 15 + ideographs / 6 + sum(map(str.isdigit, sentence)) * 0.3


def _pick(rng: np.random.Generator, choices: list[str]) -> str:
    return choices[int(rng.integers(len(choices)))]


def _command(rng: np.random.Generator, language: str) -> str:
    return " ".join(_pick(rng, slot) for slot in _COMMANDS) + "."


def _digits(rng: np.random.Generator, language: str) -> str:
    """eSpeak reads digits in the language of the voice."""
    return ", ".join(str(digit) for digit in rng.integers(0, 10, int(rng.integers(3, 7)))) + "."


def _number(rng: np.random.Generator, language: str) -> str:
    return f"{int(10 ** rng.uniform(1, 5))}."


def _clause(rng: np.random.Generator, language: str) -> str:
    return " ".join(_pick(rng, part) for part in (_SUBJECTS, _VERBS, _OBJECTS, _TAILS)) + "."


def _saying(rng: np.random.Generator, language: str) -> str:
    return _pick(rng, _SAYINGS)


def _sentence(rng: np.random.Generator, language: str) -> str:
    return _pick(rng, _SENTENCES[language.split("-")[0]].split("|"))


def _words_mixed(rng: np.random.Generator, language: str) -> str:
    """Words of the language in any order: more neighbours of every sound than sentences have."""
    if language.startswith("en"):
        words = sorted(set(" ".join(chain(_SUBJECTS, _VERBS, _OBJECTS, _TAILS)).split()))
    else:
        words = _SENTENCES[language.split("-")[0]].replace("|", " ").translate(_NO_MARKS).split()
    return " ".join(_pick(rng, words) for _ in range(int(rng.integers(3, 7)))) + "."


def _nonsense(rng: np.random.Generator, language: str) -> str:
    """Made-up words rich in sounds that the lips show."""
    words = []
    for _ in range(int(rng.integers(3, 6))):
        syllables = int(rng.integers(1, 4))
        words.append("".join(_pick(rng, _ONSETS) + _pick(rng, _NUCLEI) for _ in range(syllables)) + _pick(rng, _CODAS))
    return " ".join(words) + "."


_NO_MARKS = str.maketrans("", "", ".?!,;¿¡।，。？")
_KINDS_ENGLISH = (
    _command,
    _command,
    _clause,
    _clause,
    _clause,
    _saying,
    _saying,
    _digits,
    _number,
    _words_mixed,
    _nonsense,
)
_KINDS_ELSEWHERE = (_sentence, _sentence, _sentence, _digits, _number, _words_mixed)
