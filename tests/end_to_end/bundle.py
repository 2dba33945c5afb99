"""A OneRoster 1.2 bundle as a school system exports it, a dozen broken rows in it: ids that are no UUIDs, no IIN, no KATO, a byte
order mark, CRLF, quoted commas and newlines."""
import io
import uuid
import zipfile

SPACE = uuid.uuid5(uuid.uuid5(uuid.NAMESPACE_DNS, "eiso.kz"), "bilim")
FILES = ("orgs", "academicSessions", "courses", "classes", "users", "roles", "demographics", "enrollments")

# file, line, column, code
BROKEN = [
    ("orgs.csv", "6", "type", "unknown_value"),
    ("classes.csv", "4", "courseSourcedId", "subject_unknown"),
    ("classes.csv", "5", "sourcedId", "class_without_learners"),
    ("classes.csv", "6", "grades", "unknown_value"),
    ("users.csv", "6", "givenName", "missing"),
    ("users.csv", "7", "sourcedId", "duplicate_in_bundle"),
    ("users.csv", "8", "", "wrong_cell_count"),
    ("users.csv", "9", "metadata.iin", "iin_control_digit"),
    ("roles.csv", "6", "role", "unknown_value"),
    ("roles.csv", "7", "userSourcedId", "person_unknown"),
    ("enrollments.csv", "6", "classSourcedId", "class_unknown"),
    ("enrollments.csv", "7", "beginDate", "bad_date"),
]


def id_of(entity, sourced_id):
    return str(uuid.uuid5(SPACE, f"{entity}:{sourced_id}"))


def table(columns, *rows):
    return "\ufeff" + "\r\n".join(("sourcedId,status,dateLastModified," + columns, *rows)) + "\r\n"


def files(system="bilim"):
    return {
        "manifest": "propertyName,value\r\nmanifest.version,1.0\r\noneroster.version,1.2\r\n"
                    f"source.systemCode,{system}\r\n" + "".join(f"file.{name},bulk\r\n" for name in FILES),
        "orgs": table("name,type,identifier,parentSourcedId",
                      'd,,,Аудандық білім бөлімі,local,,', 's-1,,,"№ 41 мектеп,\r\nгимназия",school,,d',
                      's-2,,,Мүшел мектебі,school,,d', 's-3,,,Мектеп,shcool,,d'),
        "academicSessions": table("title,type,startDate,endDate,parentSourcedId,schoolYear",
                                  "y,,,2026/27,schoolYear,2026-09-01,2027-05-26,,2027"),
        "courses": table("title,courseCode,orgSourcedId", 'm,,,"Математика, 5 класс",,s-1', "a,,,Астрология,,s-1"),
        "classes": table("title,grades,courseSourcedId,classType,schoolSourcedId,termSourcedIds",
                         "h-5,,,5 «Ә»,05,m,homeroom,s-1,y", "g-5-math,,,Математика,05,m,scheduled,s-1,y",
                         "g-5-astro,,,Астрология,05,a,scheduled,s-1,y", "g-5-none,,,Бос топ,05,m,scheduled,s-1,y",
                         "h-99,,,99,99,m,homeroom,s-1,y"),
        "users": table("enabledUser,username,givenName,familyName,grades,agentSourcedIds,metadata.iin",
                       "u-1,,,true,,Айгүл,Сейітова,05,p-1,", 'u-2,,,true,,Арман,"Оспанов, кіші",05,,',
                       "u-3,,,true,,Дана,Серік,07,,", "p-1,,,true,,Гүлнар,Сейітова,,,", "u-4,,,true,,,Атсыз,05,,",
                       "u-1,,,true,,Екінші,Жол,05,,", "u-5,,,true,,Ұяшық,Кем,05", "u-6,,,true,,Ерлан,Ким,05,,041231500129",
                       "t-1,,,true,,Сәуле,Нұрланова,,,"),
        "roles": table("userSourcedId,roleType,role,beginDate,endDate,orgSourcedId",
                       *(f"r-{n},,,u-{n},primary,student,,,s-1" for n in (1, 2, 3)), "r-4,,,p-1,primary,parent,,,s-1",
                       "r-5,,,u-1,primary,wizard,,,s-1", "r-6,,,nobody,primary,student,,,s-1",
                       "r-7,,,t-1,primary,teacher,,,s-1", "r-8,,,u-6,primary,student,,,s-1"),
        "demographics": table("birthDate,sex", "u-1,,,2015-02-03,female", "p-1,,,,female"),
        "enrollments": table("classSourcedId,schoolSourcedId,userSourcedId,role,primary,beginDate,endDate",
                             "e-1,,,h-5,s-1,u-1,student,,,", "e-2,,,g-5-math,s-1,u-1,student,,,",
                             "e-3,,,h-5,s-1,u-2,student,,,", "e-4,,,g-5-math,s-1,t-1,teacher,true,,",
                             "e-5,,,h-6,s-1,u-2,student,,,", "e-6,,,h-5,s-1,u-3,student,,1 September,"),
    }


def packed(texts):
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in texts.items():
            archive.writestr(f"{name}.csv", text)
    return body.getvalue()


def whole(system="bilim"):
    return packed(files(system))


def bomb():
    return packed({**files(), "users": "x" * (64 << 20)})


def without_manifest():
    return packed({name: text for name, text in files().items() if name != "manifest"})


def many(count):
    """One school of another source with so many learners, all good."""
    return packed({
        "manifest": "propertyName,value\r\nmanifest.version,1.0\r\noneroster.version,1.2\r\nsource.systemCode,koshe\r\n"
                    + "".join(f"file.{name},bulk\r\n" for name in FILES if name != "demographics"),
        "orgs": table("name,type,identifier,parentSourcedId", "d,,,Аудандық білім бөлімі,local,,", "s-9,,,Үлкен мектеп,school,,d"),
        "academicSessions": table("title,type,startDate,endDate,parentSourcedId,schoolYear",
                                  "y,,,2026/27,schoolYear,2026-09-01,2027-05-26,,2027"),
        "courses": table("title,courseCode,orgSourcedId", "m,,,Математика,,s-9"),
        "classes": table("title,grades,courseSourcedId,classType,schoolSourcedId,termSourcedIds",
                         *(f"h-{n},,,5 «{n}»,05,m,homeroom,s-9,y" for n in range(count // 25 + 1))),
        "users": table("enabledUser,username,givenName,familyName,grades", *(f"u-{n},,,true,,Бала,Үлгі,05" for n in range(count))),
        "roles": table("userSourcedId,roleType,role,beginDate,endDate,orgSourcedId",
                       *(f"r-{n},,,u-{n},primary,student,,,s-9" for n in range(count))),
        "enrollments": table("classSourcedId,schoolSourcedId,userSourcedId,role",
                             *(f"e-{n},,,h-{n // 25},s-9,u-{n},student" for n in range(count))),
    })
