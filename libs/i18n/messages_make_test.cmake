# cmake -DMAKE=messages-make -DPO=po -DWORK=folder -P messages_make_test.cmake: the catalogues as they
# are become tables; with one thing broken they are refused, and the key is named.
set(languages kk ru en)
set(outputs ${WORK}/messages.h ${WORK}/messages.c)
file(MAKE_DIRECTORY ${WORK})

function(make_tables OUT_RESULT OUT_ERROR)
  execute_process(
    COMMAND ${MAKE} ${outputs} ${WORK}/kk.po ${WORK}/ru.po ${WORK}/en.po
    RESULT_VARIABLE result ERROR_VARIABLE error)
  set(${OUT_RESULT} ${result} PARENT_SCOPE)
  set(${OUT_ERROR} "${error}" PARENT_SCOPE)
endfunction()

function(copy_catalogues)
  foreach(language ${languages})
    configure_file(${PO}/${language}.po ${WORK}/${language}.po COPYONLY)
  endforeach()
endfunction()

# Replaces `from` by `to` in one catalogue; the refusal has to match `expected`.
function(refused language from to expected)
  copy_catalogues()
  file(READ ${PO}/${language}.po text)
  string(REPLACE "${from}" "${to}" broken "${text}")
  if(broken STREQUAL text)
    message(FATAL_ERROR "${language}.po has no ${from}: the test tests nothing")
  endif()
  file(WRITE ${WORK}/${language}.po "${broken}")
  make_tables(result error)
  if(result EQUAL 0 OR NOT error MATCHES "${expected}")
    message(FATAL_ERROR "expected '${expected}', got ${result}: ${error}")
  endif()
endfunction()

copy_catalogues()
make_tables(result error)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "the catalogues are refused: ${error}")
endif()

refused(ru "msgid \"problem.stale\"" "msgid \"problem.stales\"" "ru.po:.*problem.stale: is missing")
refused(kk "msgid \"problem.stale\"" "msgid \"problem.stales\"" "ru.po:.*problem.stales: is missing")
refused(en "msgid \"problem.stale\"" "#, fuzzy\nmsgid \"problem.stale\"" "en.po:.*problem.stale: is marked fuzzy")
refused(ru "\"апелляция\"" "\"\"" "ru.po:.*reason.appeal: has no text")
refused(ru "msgstr[2]" "#" "ru.po:.*: has no text")
refused(en "on {date}: {lesson}" "on {day}: {lesson}" "en.po:.*: has other placeholders")
refused(kk "msgid_plural \"{minutes}\"" "msgid_plural \"{hours}\"" "absence.late_minutes: msgid_plural")
refused(ru "на {minutes} минуту" "на {minutes минуту" "ru.po:.*absence.late_minutes: has")
refused(kk "{max} балдан {points} балл\"" "{max} балдан {points балл\"" "kk.po:.*result.points: has a { without }")
file(REMOVE_RECURSE ${WORK})
