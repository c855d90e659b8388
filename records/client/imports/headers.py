"""What the headers of columns mean: names in five languages, and of the usual HR programs.

A table, and nothing else. Headers are compared as `tables.plain` gives them.
"""

from __future__ import annotations

from records.client.imports.tables import plain

LAST_FIRST = "last, first"
FULL_NAME = "full name"
STATUS = "status or type"
ADDRESS = ("address1", "address2", "city", "state", "zip", "country")
"""The parts of an address, in the order in which they are written."""
MANAGER_ID = "manager by ID"
MANAGER_NUMBER = "manager by number"
MANAGER_EMAIL = "manager by e-mail"
MANAGER = "manager"
CURRENCY = "currency"
PER = "per"
YEARLY, MONTHLY, HOURLY = "pay per year", "pay per month", "pay per hour"

_NAMES: dict[str, str] = {
    "id": "ID|Employee ID|Record ID",
    "given_name": "First name|First|Given name|Forename|Legal first name|Fname|Vorname|Prénom"
    "|Nombre|Nombres|Voornaam|Roepnaam",
    "family_name": "Last name|Last|Family name|Surname|Legal last name|Lname|Nachname|Name"
    "|Familienname|Nom|Nom de famille|Apellido|Apellidos|Achternaam|Familienaam",
    "middle_name": "Middle name|Middle|Middle initial|Zweiter Vorname|Deuxième prénom"
    "|Segundo nombre|Tweede voornaam",
    "suffix": "Suffix|Name suffix|Generation|Namenszusatz|Suffixe|Sufijo",
    "preferred_name": "Preferred name|Preferred first name|Nickname|Known as|Goes by|Rufname"
    "|Nom d'usage|Nombre preferido|Roepnaam voorkeur",
    LAST_FIRST: "Last name, First name|Last, First|Name (Last, First)|Nachname, Vorname"
    "|Nom, Prénom|Apellidos, Nombre|Achternaam, Voornaam|Employee name (Last, First)",
    FULL_NAME: "Full name|Employee name|Employee|Display name|Worker|Vollständiger Name"
    "|Mitarbeiter|Nom complet|Nombre completo|Volledige naam|Medewerker",
    "employee_number": "Employee #|Employee number|Employee no|Employee code|Emp #|Emp no|Badge"
    "|Badge number|Badge #|File number|File #|Payroll number|Clock number|Worker ID"
    "|Personnel number|Personalnummer|Pers.-Nr.|Personal-Nr.|Mitarbeiternummer|Matricule"
    "|Numéro d'employé|Número de empleado|Nº de empleado|Legajo|Personeelsnummer"
    "|Medewerkernummer|Position ID|Associate ID",
    "email": "E-mail|Email|Work email|Email address|Company email|Business email|E-Mail-Adresse"
    "|Dienstliche E-Mail|Courriel|Adresse e-mail|Correo|Correo electrónico|E-mailadres"
    "|Zakelijk e-mailadres",
    "phone": "Phone|Work phone|Phone number|Telephone|Office phone|Business phone|Telefon"
    "|Telefonnummer|Téléphone|Teléfono|Telefoon|Telefoonnummer|Work telephone",
    "personal_email": "Personal email|Home email|Private E-Mail|Courriel personnel"
    "|Correo personal|Privé e-mail",
    "personal_phone": "Mobile phone|Mobile|Cell|Cell phone|Home phone|Personal phone|Handy"
    "|Mobil|Mobilnummer|Privattelefon|Portable|Téléphone portable|Móvil|Celular|Mobiel"
    "|Mobiele telefoon",
    "title": "Job title|Title|Position|Role|Job|Business title|Position title|Stelle"
    "|Stellenbezeichnung|Berufsbezeichnung|Funktion|Poste|Intitulé du poste|Fonction|Puesto"
    "|Cargo|Functie|Functietitel",
    "department": "Department|Dept|Division|Team|Home department|Abteilung|Département|Service"
    "|Departamento|Afdeling|Department name|Organization",
    "cost_center": "Cost center|Cost centre|Kostenstelle|Centre de coûts|Centro de costes"
    "|Centro de costos|Kostenplaats",
    "location": "Location|Work location|Office|Site|Standort|Arbeitsort|Büro|Lieu|Site de travail"
    "|Ubicación|Oficina|Locatie|Vestiging",
    MANAGER: "Manager|Reporting to|Reports to|Supervisor|Manager name|Supervisor name"
    "|Line manager|Boss|Vorgesetzter|Vorgesetzte|Responsable|Supérieur|Jefe|Gerente"
    "|Leidinggevende",
    MANAGER_ID: "Manager ID|Manager's ID|Supervisor ID|Manager employee ID",
    MANAGER_NUMBER: "Manager number|Manager #|Manager employee number|Supervisor number"
    "|Vorgesetzter (Pers.-Nr.)|Vorgesetzter Personalnummer|Manager employee #",
    MANAGER_EMAIL: "Manager email|Manager e-mail|Supervisor email|Vorgesetzter E-Mail"
    "|Manager's email",
    STATUS: "Status|Employment status|Employee status|Worker status|Statut|Estado|Estatus",
    "employment_type": "Employment type|Employee type|Worker type|Contract type|Pay class"
    "|Beschäftigungsart|Anstellungsart|Vertragsart|Type de contrat|Tipo de contrato"
    "|Tipo de empleo|Contracttype|Dienstverband|Full/part time",
    "hire_date": "Hire date|Start date|Date hired|Date of hire|Original hire date|Joining date"
    "|Employment start date|Eintritt|Eintrittsdatum|Einstellungsdatum|Date d'embauche"
    "|Date d'entrée|Fecha de contratación|Fecha de ingreso|Fecha de alta|Datum in dienst"
    "|Indiensttreding",
    "termination_date": "Termination date|End date|Last day|Leaving date|Last day of work"
    "|Employment end date|Austritt|Austrittsdatum|Date de départ|Date de sortie|Fecha de baja"
    "|Fecha de salida|Datum uit dienst",
    "birth_date": "Birth date|Date of birth|DOB|Birthday|Birthdate|Geburtsdatum|Geburtstag"
    "|Date de naissance|Fecha de nacimiento|Geboortedatum",
    "home_address": "Address|Home address|Mailing address|Residential address|Adresse|Anschrift"
    "|Privatadresse|Dirección|Domicilio|Adres|Woonadres",
    ADDRESS[0]: "Address 1|Address line 1|Street|Street address|Address line one|Straße"
    "|Straße und Hausnummer|Rue|Calle|Straat",
    ADDRESS[1]: "Address 2|Address line 2|Apt|Unit|Adresszusatz|Complément d'adresse",
    ADDRESS[2]: "City|Town|Ort|Stadt|Wohnort|Ville|Ciudad|Plaats|Woonplaats",
    ADDRESS[3]: "State|State/Province|Province|Region|Bundesland|Provincia|Provincie",
    ADDRESS[4]: "Zip|Zip code|Postal code|Postcode|PLZ|Postleitzahl|Code postal|Código postal",
    ADDRESS[5]: "Country|Land|Pays|País",
    "emergency_contact": "Emergency contact|Emergency contact name|Notfallkontakt"
    "|Contact d'urgence|Contacto de emergencia|Noodcontact",
    "salary": "Salary|Pay|Pay rate|Compensation|Amount|Base pay|Base salary|Rate|Wage|Gehalt"
    "|Lohn|Vergütung|Salaire|Rémunération|Salario|Sueldo|Salaris|Loon|Compensation rate"
    "|Pay amount|Base compensation|Regular pay rate amount",
    YEARLY: "Annual salary|Annual pay|Yearly salary|Annualized base pay|Jahresgehalt"
    "|Salaire annuel|Salario anual|Jaarsalaris|Total base pay annualized",
    MONTHLY: "Monthly salary|Monthly pay|Monatsgehalt|Monatslohn|Salaire mensuel"
    "|Salario mensual|Maandsalaris",
    HOURLY: "Hourly rate|Hourly pay|Hourly wage|Stundenlohn|Taux horaire|Salario por hora|Uurloon",
    CURRENCY: "Currency|Pay currency|Salary currency|Compensation currency|Währung|Devise|Moneda"
    "|Valuta",
    PER: "Per|Pay type|Pay per|Salary per|Pay period|Pay frequency|Rate type|Pay rate type"
    "|Compensation type|Zeitraum|Période|Periodo|Periode",
    "ssn": "SSN|Social security number|Social security #|Social security no|SS #|SS number"
    "|Tax ID (SSN)|Social",
}

HEADERS: dict[str, str] = {
    plain(header): field for field, headers in _NAMES.items() for header in headers.split("|")
}
"""What each header means: a field, or one of the constants above."""

STATUSES: dict[str, str] = {
    plain(word): status
    for status, words in {
        "active": "active|a|current|employed|aktiv|actif|active employee|activo|activa|actief",
        "on_leave": "on leave|leave|leave of absence|loa|on_leave|beurlaubt|elternzeit|en congé"
        "|de permiso|de baja temporal|met verlof",
        "left": "left|terminated|inactive|t|former|resigned|retired|dismissed|deceased"
        "|ausgeschieden|inaktiv|sorti|parti|inactif|inactivo|cesado|baja|uit dienst|inactief",
    }.items()
    for word in words.split("|")
}
"""The statuses of employees."""

TYPES: dict[str, str] = {
    plain(word): kind
    for kind, words in {
        "full_time": "full time|full-time|fulltime|ft|regular full time|full_time|vollzeit"
        "|temps plein|tiempo completo|jornada completa|voltijd|fulltime employee",
        "part_time": "part time|part-time|parttime|pt|regular part time|part_time|teilzeit"
        "|temps partiel|tiempo parcial|media jornada|deeltijd",
        "seasonal": "seasonal|saisonal|saisonkraft|saisonnier|de temporada|seizoen",
        "temporary": "temporary|temp|fixed term|befristet|aushilfe|temporaire|cdd|temporal"
        "|tijdelijk|casual",
        "contractor": "contractor|contract|freelance|freelancer|consultant|1099|freier mitarbeiter"
        "|indépendant|contratista|zzp",
        "intern": "intern|internship|trainee|praktikant|praktikum|werkstudent|stagiaire"
        "|becario|pasante|stagiair",
    }.items()
    for word in words.split("|")
}
"""The types of employment."""

PERIODS: dict[str, str] = {
    plain(word): per
    for per, words in {
        "year": "year|yearly|annual|annually|salary|salaried|per year|yr|annum|per annum|jahr"
        "|jährlich|pro jahr|an|annuel|année|año|anual|jaar|per jaar|y",
        "month": "month|monthly|per month|monat|monatlich|pro monat|mois|mensuel|mes|mensual"
        "|maand|per maand",
        "hour": "hour|hourly|per hour|hr|stunde|pro stunde|stündlich|heure|horaire|hora"
        "|por hora|uur|per uur",
    }.items()
    for word in words.split("|")
}
"""What pay is for."""
