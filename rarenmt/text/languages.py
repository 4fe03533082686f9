"""Languages: their codes, their names, and the matching of language tags.

"en" matches "en-GB", "EN_us" and "eng": of a language with a code of two letters (ISO 639-1), the
codes of three (ISO 639-2 and 639-3) mean the same.
"""

import re
from functools import lru_cache

TAG = re.compile("[a-z]{2,3}(-[a-z]{4})?(-([a-z]{2}|[0-9]{3}))?")
"""A `normal` language tag with script and region."""

SAME, NAMED, REGION, OTHER = range(4)
"""How well a language matches: exactly; in the preferred region; in another region; not at all."""

LANGUAGES = """\
aa aar: afar, qafar
ab abk: abkhazian, аԥсшәа, abchasisch
ae ave: avestan, avestisch
af afr: afrikaans
ak aka: akan
am amh: amharic, አማርኛ, amharisch
an arg: aragonese, aragonés, aragonesisch
ar ara: arabic, العربية, arabisch
as asm: assamese, অসমীয়া, assamesisch
av ava: avaric, awarisch
ay aym: aymara
az aze: azerbaijani, azərbaycan, aserbaidschanisch
ba bak: bashkir, башҡорт, baschkirisch
be bel: belarusian, беларуская, belarussisch
bg bul: bulgarian, български, bulgarisch
bh bih: bihari languages
bi bis: bislama
bm bam: bambara, bamanakan
bn ben: bangla, বাংলা, bengalisch
bo bod tib: tibetan, བོད་སྐད་, tibetisch
br bre: breton, brezhoneg, bretonisch
bs bos: bosnian, bosanski, bosnisch
ca cat: catalan, català, katalanisch
ce che: chechen, нохчийн, tschetschenisch
ch cha: chamorro
co cos: corsican, corsu, korsisch
cr cre: cree
cs ces cze: czech, čeština, tschechisch
cu chu: church slavic, церковнослове́нскїй, kirchenslawisch
cv chv: chuvash, чӑваш чӗлхи, tschuwaschisch
cy cym wel: welsh, cymraeg, walisisch
da dan: danish, dansk, dänisch
de deu ger: german, deutsch
dv div: divehi, ދިވެހިބަސް, dhivehi
dz dzo: dzongkha, རྫོང་ཁ
ee ewe: ewe, eʋegbe
el ell gre: greek, ελληνικά, griechisch
en eng: english, englisch
eo epo: esperanto
es spa: spanish, español, spanisch
et est: estonian, eesti, estnisch
eu eus baq: basque, euskara, baskisch
fa fas per: persian, فارسی, persisch
ff ful: fula, pulaar, ful
fi fin: finnish, suomi, finnisch
fj fij: fijian, fidschi
fo fao: faroese, føroyskt, färöisch
fr fra fre: french, français, französisch
fy fry: western frisian, frysk, westfriesisch
ga gle: irish, gaeilge, irisch
gd gla: scottish gaelic, gàidhlig, gälisch (schottland)
gl glg: galician, galego, galicisch
gn grn: guarani, avañe’ẽ, guaraní
gu guj: gujarati, ગુજરાતી
gv glv: manx, gaelg
ha hau: hausa, haussa
he heb: hebrew, עברית, hebräisch
hi hin: hindi, हिन्दी
ho hmo: hiri motu, hiri-motu
hr hrv: croatian, hrvatski, kroatisch
ht hat: haitian creole, kreyòl ayisyen, haiti-kreolisch
hu hun: hungarian, magyar, ungarisch
hy hye arm: armenian, հայերեն, armenisch
hz her: herero
ia ina: interlingua
id ind: indonesian, indonesia, indonesisch
ie ile: interlingue
ig ibo: igbo, asụsụ igbo
ii iii: sichuan yi, ꆈꌠꉙ, yi
ik ipk: inupiaq, inupiak
io ido: ido
is isl ice: icelandic, íslenska, isländisch
it ita: italian, italiano, italienisch
iu iku: inuktitut, ᐃᓄᒃᑎᑐᑦ
ja jpn: japanese, 日本語, japanisch
jv jav: javanese, jawa, javanisch
ka kat geo: georgian, ქართული, georgisch
kg kon: kongo, kongolesisch
ki kik: kikuyu, gĩgĩkũyũ
kj kua: kuanyama, kwanyama
kk kaz: kazakh, қазақ тілі, kasachisch
kl kal: kalaallisut, grönländisch
km khm: khmer, ខ្មែរ
kn kan: kannada, ಕನ್ನಡ
ko kor: korean, 한국어, koreanisch
kr kau: kanuri
ks kas: kashmiri, کٲشُر, kaschmiri
ku kur: kurdish, kurdî (kurmancî), kurdisch
kv kom: komi
kw cor: cornish, kernewek, kornisch
ky kir: kyrgyz, кыргызча, kirgisisch
la lat: latin, latina, latein
lb ltz: luxembourgish, lëtzebuergesch, luxemburgisch
lg lug: ganda, luganda
li lim: limburgish, limburgisch
ln lin: lingala, lingála
lo lao: lao, ລາວ, laotisch
lt lit: lithuanian, lietuvių, litauisch
lu lub: luba-katanga, tshiluba
lv lav: latvian, latviešu, lettisch
mg mlg: malagasy
mh mah: marshallese, marschallesisch
mi mri mao: māori
mk mkd mac: macedonian, македонски, mazedonisch
ml mal: malayalam, മലയാളം
mn mon: mongolian, монгол, mongolisch
mr mar: marathi, मराठी
ms msa may: malay, melayu, malaiisch
mt mlt: maltese, malti, maltesisch
my mya bur: burmese, မြန်မာ, birmanisch
na nau: nauru, nauruisch
nb nob: norwegian bokmål, norsk bokmål, norwegisch (bokmål)
nd nde: north ndebele, isindebele, nord-ndebele
ne nep: nepali, नेपाली, nepalesisch
ng ndo: ndonga
nl nld dut: dutch, nederlands, niederländisch
nn nno: norwegian nynorsk, norsk nynorsk, norwegisch (nynorsk)
no nor: norwegian, norsk, norwegisch
nr nbl: south ndebele, isindebele, süd-ndebele
nv nav: navajo, diné bizaad
ny nya: nyanja
oc oci: occitan, okzitanisch
oj oji: ojibwa
om orm: oromo, oromoo
or ori: odia, ଓଡ଼ିଆ, oriya
os oss: ossetic, ирон, ossetisch
pa pan: punjabi, ਪੰਜਾਬੀ
pi pli: pali
pl pol: polish, polski, polnisch
ps pus: pashto, پښتو, paschtu
pt por: portuguese, português, portugiesisch
qu que: quechua, runasimi
rm roh: romansh, rumantsch, rätoromanisch
rn run: rundi, ikirundi
ro ron rum: romanian, română, rumänisch
ru rus: russian, русский, russisch
rw kin: kinyarwanda, ikinyarwanda
sa san: sanskrit, संस्कृत भाषा
sc srd: sardinian, sardu, sardisch
sd snd: sindhi, سنڌي
se sme: northern sami, davvisámegiella, nordsamisch
sg sag: sango, sängö
si sin: sinhala, සිංහල, singhalesisch
sk slk slo: slovak, slovenčina, slowakisch
sl slv: slovenian, slovenščina, slowenisch
sm smo: samoan, samoanisch
sn sna: shona, chishona
so som: somali, soomaali
sq sqi alb: albanian, shqip, albanisch
sr srp: serbian, српски, serbisch
ss ssw: swati, siswati, swazi
st sot: southern sotho, sesotho, süd-sotho
su sun: sundanese, basa sunda, sundanesisch
sv swe: swedish, svenska, schwedisch
sw swa: swahili, kiswahili, suaheli
ta tam: tamil, தமிழ்
te tel: telugu, తెలుగు
tg tgk: tajik, тоҷикӣ, tadschikisch
th tha: thai, ไทย, thailändisch
ti tir: tigrinya, ትግርኛ
tk tuk: turkmen, türkmen dili, turkmenisch
tl tgl: tagalog
tn tsn: tswana, setswana
to ton: tongan, lea fakatonga, tongaisch
tr tur: turkish, türkçe, türkisch
ts tso: tsonga, xitsonga
tt tat: tatar, татар, tatarisch
tw twi: twi
ty tah: tahitian, tahitisch
ug uig: uyghur, ئۇيغۇرچە, uigurisch
uk ukr: ukrainian, українська, ukrainisch
ur urd: urdu, اردو
uz uzb: uzbek, o‘zbek, usbekisch
ve ven: venda, tshivenḓa
vi vie: vietnamese, tiếng việt, vietnamesisch
vo vol: volapük
wa wln: walloon, walon, wallonisch
wo wol: wolof
xh xho: xhosa, isixhosa
yi yid: yiddish, ייִדיש, jiddisch
yo yor: yoruba, èdè yorùbá
za zha: zhuang, vahcuengh
zh zho chi: chinese, 中文, chinesisch
zu zul: zulu, isizulu
"""
"""ISO 639-1: the code of two letters, the codes of three, and the name in English, in the language
itself and in German, as far as they differ."""


def _tables() -> tuple[dict[str, str], dict[str, frozenset[str]]]:
    """The code of two letters of each code of three, and the names of each code of two."""
    short: dict[str, str] = {}
    names: dict[str, frozenset[str]] = {}
    for line in LANGUAGES.splitlines():
        codes, _, named = line.partition(": ")
        code, *longer = codes.split()
        short |= dict.fromkeys(longer, code)
        names[code] = frozenset(named.split(", "))
    return short, names


SHORT, NAMES = _tables()


def shortest(language: str) -> str:
    """A language tag with the code of two letters, if its language has one."""
    code, hyphen, rest = language.strip().replace("_", "-").partition("-")
    return SHORT.get(code.lower(), code) + hyphen + rest


def normal(language: str) -> str:
    """A language tag (BCP 47) in lower case, with hyphens, and `shortest`."""
    return shortest(language).lower()


def primary(language: str) -> str:
    """A language without its region and script."""
    return normal(language).partition("-")[0]


def is_name(text: str, language: str) -> bool:
    """Whether a text is a code or a name of a language, with any region, in any case."""
    known = primary(language)
    if TAG.fullmatch(normal(text)) and primary(text) == known:
        return True
    return text.strip().casefold() in NAMES.get(known, ())


@lru_cache(maxsize=128)
def suits(language: str, wanted: str, other: str, preferred: str) -> int:
    """SAME, NAMED, REGION or OTHER. The `other` language is never a region of `wanted`."""
    tag = normal(language)
    if tag == normal(wanted):
        return SAME
    if primary(tag) != primary(wanted) or tag == normal(other):
        return OTHER
    return NAMED if tag == normal(preferred) else REGION
