"""What the public page says, in each language it speaks."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from application.complaints import Phase
from domain.complaint import Resolution, Topic

LANGUAGES: Mapping[str, str] = MappingProxyType({"en": "English", "es": "Español"})

WORDS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "en": {
            "title": "Tell us about the watch center",
            "lead": "A question, a complaint or praise about the drone, the cameras, the plate readers or how"
            " somebody"
            " behaved. You need no account, and you need not say who you are.",
            "emergency": "This page is not watched around the clock. In an emergency call 911.",
            "topic": "What is it about?",
            "said": "What would you like to say?",
            "said_hint": "Up to 5,000 characters. Where and when it was helps us find it.",
            "name": "Your name (not needed)",
            "contact": "E-mail address or telephone number (not needed)",
            "contact_hint": "Only if you would like us to answer you there.",
            "wants_answer": "Please answer me there",
            "trap": "Leave this field empty",
            "kept_title": "What is kept",
            "kept": "We keep what you write here and when it came. No cookie and no tracking; the address of your"
            " computer is not kept, only a scrambled form of it for at most an hour, against floods. What you"
            " write is sealed under a key of its own and read by those who answer it. City staff and"
            " oversight decide whether it is a complaint; whom it is about does not answer it. That something came is"
            " part of a public record that nobody can change; your words and your name can be made unreadable"
            " for ever:"
            " send your receipt number through this page, or to the City Clerk, and ask for it.",
            "consent": "By sending this you agree that it is kept and used in this way to answer it.",
            "send": "Send",
            "have_receipt": "Read how far an earlier message has come",
            "received_title": "Thank you. Your message has come.",
            "receipt_is": "Your receipt number",
            "receipt_why": "Write it down: with it you can read here how far your message has come, and ask for your"
            " words to be made unreadable. We cannot find it for you.",
            "another": "Send another message",
            "lookup_title": "How far has my message come?",
            "receipt": "Receipt number",
            "receipt_hint": "WH- and four groups of four letters or digits",
            "look": "Show",
            "received_on": "It came on",
            "answer_by": "It will be answered by",
            "our_answer": "Our answer",
            "unreadable": "The words of the answer were made unreadable, as was asked for.",
            "error_title": "Something is missing or wrong",
            "error.topic": "Choose what it is about.",
            "error.said": "Write something: 1 to 5,000 characters, without control characters.",
            "error.name": "The name has at most 200 characters, without control characters.",
            "error.contact": "To be answered, give an e-mail address or a telephone number of at most 200 characters.",
            "error.trap": "Leave the last field empty: it is there to catch programs.",
            "error.form": "This form is too old or was not ours. Your words are still here: send them again.",
            "error.sent": "This form was sent before, with other words; they have come. If this is another message,"
            " send it again.",
            "error.origin": "This form was sent from another site. Open this page and send it from here.",
            "error.receipt": "We know no message under this number. Look whether every letter is right.",
            "error.busy": "There have been many messages from where you are. Please wait some minutes and"
            " send it again.",
            "error.large": "This is too much for this page: write at most 5,000 characters.",
            "error.away": "We cannot take it at this moment, and nothing was kept. Please send it again in"
            " some minutes.",
        },
        "es": {
            "title": "Díganos algo sobre el centro de vigilancia",
            "lead": "Una pregunta, una queja o un elogio sobre el dron, las cámaras, los lectores de placas o el"
            " comportamiento de alguien. No necesita cuenta ni tiene que decir quién es.",
            "emergency": "Esta página no se atiende las 24 horas. En una emergencia llame al 911.",
            "topic": "¿De qué se trata?",
            "said": "¿Qué quiere decirnos?",
            "said_hint": "Hasta 5.000 caracteres. El lugar y la hora nos ayudan a encontrarlo.",
            "name": "Su nombre (no es necesario)",
            "contact": "Correo electrónico o teléfono (no es necesario)",
            "contact_hint": "Solo si quiere que le respondamos ahí.",
            "wants_answer": "Respóndanme ahí, por favor",
            "trap": "Deje este campo vacío",
            "kept_title": "Qué se guarda",
            "kept": "Guardamos lo que escribe aquí y cuándo llegó. Sin cookies ni rastreo; no se guarda la dirección"
            " de su computadora, solo una forma cifrada durante una hora como máximo, contra avalanchas. Lo"
            " que escribe se sella con una clave propia y lo leen quienes lo responden. El personal de la"
            " ciudad y la supervisión deciden si es una queja; no la responde la persona de la que trata. Que"
            " algo llegó"
            " consta en un registro público que nadie puede cambiar; sus palabras y su nombre pueden hacerse"
            " ilegibles"
            " para siempre: envíe su número de recibo por esta página, o a la Secretaría Municipal, y pídalo.",
            "consent": "Al enviarlo acepta que se guarde y se use de esta manera para responderle.",
            "send": "Enviar",
            "have_receipt": "Consultar un mensaje anterior",
            "received_title": "Gracias. Su mensaje ha llegado.",
            "receipt_is": "Su número de recibo",
            "receipt_why": "Anótelo: con él puede consultar aquí su mensaje y pedir que sus palabras se hagan"
            " ilegibles."
            " Nosotros no podemos buscarlo por usted.",
            "another": "Enviar otro mensaje",
            "lookup_title": "¿Qué pasó con mi mensaje?",
            "receipt": "Número de recibo",
            "receipt_hint": "WH- y cuatro grupos de cuatro letras o números",
            "look": "Mostrar",
            "received_on": "Llegó el",
            "answer_by": "Se responderá a más tardar el",
            "our_answer": "Nuestra respuesta",
            "unreadable": "Las palabras de la respuesta se hicieron ilegibles, como se pidió.",
            "error_title": "Falta algo o no está bien",
            "error.topic": "Elija de qué se trata.",
            "error.said": "Escriba algo: de 1 a 5.000 caracteres, sin caracteres de control.",
            "error.name": "El nombre tiene como máximo 200 caracteres, sin caracteres de control.",
            "error.contact": "Para responderle, indique un correo o un teléfono de 200 caracteres como máximo.",
            "error.trap": "Deje vacío el último campo: sirve para detectar programas.",
            "error.form": "Este formulario caducó o no es nuestro. Sus palabras siguen aquí: envíelas otra vez.",
            "error.sent": "Este formulario ya se envió con otras palabras, y llegaron. Si este es otro"
            " mensaje, envíelo"
            " otra vez.",
            "error.origin": "Este formulario se envió desde otro sitio. Abra esta página y envíelo desde aquí.",
            "error.receipt": "No conocemos ningún mensaje con este número. Revise cada letra.",
            "error.busy": "Han llegado muchos mensajes desde donde usted está. Espere unos minutos y envíelo otra vez.",
            "error.large": "Es demasiado para esta página: escriba 5.000 caracteres como máximo.",
            "error.away": "No podemos recibirlo ahora y no se guardó nada. Envíelo otra vez en unos minutos.",
        },
    }
)
TOPICS: Mapping[str, Mapping[Topic, str]] = MappingProxyType(
    {
        "en": {
            Topic.DRONE: "The drone",
            Topic.CAMERA: "A camera",
            Topic.PLATE_READER: "A licence plate reader",
            Topic.CONDUCT: "How somebody behaved",
            Topic.WATCH_CENTER: "The watch center as such",
            Topic.OTHER: "Something else",
        },
        "es": {
            Topic.DRONE: "El dron",
            Topic.CAMERA: "Una cámara",
            Topic.PLATE_READER: "Un lector de placas",
            Topic.CONDUCT: "El comportamiento de alguien",
            Topic.WATCH_CENTER: "El centro de vigilancia en general",
            Topic.OTHER: "Otra cosa",
        },
    }
)
PHASES: Mapping[str, Mapping[Phase, str]] = MappingProxyType(
    {
        "en": {
            Phase.RECEIVED: "It has come, and waits to be looked at.",
            Phase.LOOKED_INTO: "It is a complaint, and is being looked into.",
            Phase.DEALT_WITH: "It was read and dealt with. It was not taken as a complaint.",
            Phase.ANSWERED: "It was answered.",
        },
        "es": {
            Phase.RECEIVED: "Llegó y espera a que alguien lo lea.",
            Phase.LOOKED_INTO: "Es una queja y se está investigando.",
            Phase.DEALT_WITH: "Se leyó y se atendió. No se consideró una queja.",
            Phase.ANSWERED: "Se respondió.",
        },
    }
)
RESOLUTIONS: Mapping[str, Mapping[Resolution, str]] = MappingProxyType(
    {
        "en": {
            Resolution.SUSTAINED: "The complaint was right.",
            Resolution.NOT_SUSTAINED: "It could not be shown either way.",
            Resolution.EXONERATED: "It happened, and was within the rules.",
            Resolution.UNFOUNDED: "It did not happen.",
            Resolution.WITHDRAWN: "It was withdrawn.",
            Resolution.REFERRED: "Somebody else has to answer it, and has it now.",
        },
        "es": {
            Resolution.SUSTAINED: "La queja tenía razón.",
            Resolution.NOT_SUSTAINED: "No se pudo demostrar ni una cosa ni la otra.",
            Resolution.EXONERATED: "Ocurrió, y estaba dentro de las reglas.",
            Resolution.UNFOUNDED: "No ocurrió.",
            Resolution.WITHDRAWN: "Se retiró.",
            Resolution.REFERRED: "Le corresponde responder a otra entidad, que ya la tiene.",
        },
    }
)
